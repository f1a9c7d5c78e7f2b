#!/usr/bin/env python3
"""asm_test.py MODE [name...]: runs the cases of tests/asm in one mode and checks them.

native: on the real CPU, against the headers. qemu: the ring-0 and ring-3 cases on QEMU TCG, against the headers.
bt, bt-one-insn, bt-checked, bt-direct, bt-low, bt-plain, bt-count, bt-single-step: on novt, against the headers, the real CPU (native cases) and QEMU (the others).
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
from cases import BT_MODES, Pack, Runner, check_expectation, load_sources  # noqa: E402


def oracle(runner, sources, index_of):
    """{case: result} from the CPU and from QEMU, for comparison."""
    out = {}
    for mode, chosen in (("native", [s for s in sources if s.mode == "native"]),
                         ("qemu", [s for s in sources if s.mode != "native" and s.qemu])):
        if chosen:
            pack = Pack(chosen)
            results, lost = runner.all_results(mode, pack)
            for i, why in lost.items():
                print(f"warning: {mode} ended in {pack.cases[i].title()}: {why}", file=sys.stderr)
            out.update((pack.cases[i], r) for i, r in results.items())
    return out


def wanted(mode, source):
    if mode == "native":
        return source.mode == "native"
    if mode == "qemu":
        return source.mode != "native" and source.qemu
    return not source.one("bt", "yes").startswith("no")


def judge(case, result, reference):
    wrong = check_expectation(case, result) if result else []
    if result and reference:
        index = reference["index"]
        reference["index"] = result["index"]
        wrong += [d for d in result.differences(reference) if not (case.loose() and d.startswith(case.loose()))]
        reference["index"] = index
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["native", "qemu", *BT_MODES])
    parser.add_argument("names", nargs="*", help="parts of file names; none: all")
    parser.add_argument("--novt", default=os.path.join(HERE, "..", "build", "novt"))
    parser.add_argument("--tools", default=os.path.join(HERE, "..", "build", "release", "tests"))
    parser.add_argument("--case", help="only report this case")
    args = parser.parse_args()

    if args.mode in BT_MODES and not os.access(args.novt, os.X_OK):
        sys.exit(f"no program {args.novt}")
    sources = [s for s in load_sources(os.path.join(HERE, "asm"), args.names) if wanted(args.mode, s)]
    if not sources:
        sys.exit("no case for this mode")
    pack = Pack(sources)
    runner = Runner(args.tools, args.novt)
    reference = oracle(runner, sources, pack) if args.mode in BT_MODES else {}
    results, lost = runner.all_results(args.mode, pack)
    failed = 0
    for i, case in enumerate(pack.cases):
        wrong = judge(case, results.get(i), reference.get(case))
        if i in lost:
            wrong.append(f"the run ended here: {lost[i]}")
        elif i not in results:
            wrong.append("not run: the run ended too often")
        if args.mode in BT_MODES and case not in reference and not case.expect:
            wrong.append("nothing to compare with: needs an expectation")
        if wrong and (not args.case or args.case == case.name):
            failed += 1
            print(f"FAIL {case.title()} [{args.mode}]\n    " + "\n    ".join(wrong[:12]))
    print(f"{args.mode}: {len(pack.cases)} cases in {len(sources)} files, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()

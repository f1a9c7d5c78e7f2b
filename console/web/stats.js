// stats.js: what the counters were during the last minutes, for charts on any page.
import {ask} from "./api.js";

export const KEPT = 180; // samples, one a second
export const samples = []; // {ms, stats}

export async function sample() {
    const stats = await ask("x-novt-stats");
    samples.push({ms: performance.now(), stats});
    if (samples.length > KEPT) samples.shift();
}

export const latest = () => samples[samples.length - 1]?.stats;

// f(stats) at each sample, or how fast it grows a second; [[age in s, value]], the youngest last.
export function course(f, {rate = false} = {}) {
    const end = samples[samples.length - 1]?.ms, points = [];
    for (let i = rate ? 1 : 0; i < samples.length; i++) {
        const s = samples[i], before = samples[i - 1];
        const v = rate ? Math.max(0, f(s.stats) - f(before.stats)) * 1000 / (s.ms - before.ms) : f(s.stats, before?.stats);
        points.push([(end - s.ms) / 1000, v]);
    }
    return points;
}

// pages.js: the pages, in the order of the navigation; a key 1..9 leads to each.
//
// A page is a module with `title` and open(root, path, query): it puts its elements into root, and returns an object that
// may have tick(), called once a second and never twice at once, and close(). The hash #/NAME/PATH?QUERY leads to it.
import * as cache from "./cache.js";
import * as cpu from "./cpu.js";
import * as exits from "./exits.js";
import * as mmu from "./mmu.js";
import * as overview from "./overview.js";
import * as screen from "./screen.js";
import * as serial from "./serial.js";

export const pages = {overview, cpu, cache, mmu, exits, screen, serial};

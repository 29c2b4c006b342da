import { compareUtf8 } from "../base/safe-paths.ts";

/** Checks paths of files one after another: by their UTF-8 bytes ascending, and none a folder of another. */
export class PathSequence {
  #last: string | undefined;
  /** Earlier paths with which the last one begins: only those could be folders of the next. */
  #beginnings: string[] = [];

  /** Takes the next path; returns what is wrong with it, or undefined. */
  add(path: string): "order" | "file-as-folder" | undefined {
    if (this.#last !== undefined && compareUtf8(this.#last, path) >= 0) return "order";
    let top = this.#beginnings.at(-1);
    while (top !== undefined && !path.startsWith(top)) {
      this.#beginnings.pop();
      top = this.#beginnings.at(-1);
    }
    if (top !== undefined && this.#beginnings.some((beginning) => path[beginning.length] === "/")) return "file-as-folder";
    this.#beginnings.push(path);
    this.#last = path;
    return undefined;
  }
}

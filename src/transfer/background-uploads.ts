/** Runs uploads beside their caller, a few at once and the others when one is through; the first failure is thrown by the next `start` or by `finish`. */
export class BackgroundUploads {
  readonly #limit: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins an upload, or notes it to be begun; what it reads must stay as it is until `finish`. */
  start(upload: () => Promise<void>): void {
    this.#throwFailure();
    this.#waiting.push(upload);
    this.#fill();
  }

  /** Waits for all of them. */
  async finish(): Promise<void> {
    await this.#drain();
    this.#throwFailure();
  }

  /** Waits for those that run, whatever becomes of them, and begins no other. */
  async settle(): Promise<void> {
    this.#waiting.length = 0;
    await this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #fill(): void {
    while (this.#running.size < this.#limit) {
      const upload = this.#waiting.shift();
      if (upload === undefined) return;
      const running: Promise<void> = upload()
        .catch((error: unknown) => {
          this.#failure ??= { error };
          this.#waiting.length = 0;
        })
        .finally(() => {
          this.#running.delete(running);
          this.#fill();
        });
      this.#running.add(running);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

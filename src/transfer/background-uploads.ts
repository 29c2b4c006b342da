/** Runs a few uploads at once while their caller goes on; the first failure is thrown by the next `start` or by `finish`. */
export class BackgroundUploads {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins an upload, waiting first while as many as allowed are under way. */
  async start(upload: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit) await Promise.race(this.#running);
    this.#throwFailure();
    const running: Promise<void> = upload()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => void this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for all of them. */
  async finish(): Promise<void> {
    await this.settle();
    this.#throwFailure();
  }

  /** Waits for all of them whatever became of them. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

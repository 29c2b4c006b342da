/** What a model's header lists, collected within bounds. */

/** Is one tensor of a model. */
export interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Is what a header lists. */
export interface ModelContents {
  readonly tensorCount: number;
  /** Sum over all tensors of the product of their shape. */
  readonly parameters: number;
  /** Parameters by type. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** At most 200 short texts. */
  readonly metadata: Readonly<Record<string, string>>;
  /** At most 20,000. */
  readonly tensors: readonly Tensor[];
}

const MAX_TENSORS = 20_000;
const MAX_METADATA = 200;
const MAX_METADATA_TEXT = 300;

/** Collects tensors and metadata within bounds. */
export class ContentsCollector {
  #tensorCount = 0;
  #parameters = 0;
  readonly #dtypes = new Map<string, number>();
  readonly #tensors: Tensor[] = [];
  readonly #metadata = new Map<string, string>();

  /** Takes note of a tensor. Throws RangeError for a shape that no tensor has. */
  addTensor(tensor: Tensor): void {
    if (tensor.shape.length > 16 || tensor.shape.some((size) => !Number.isSafeInteger(size) || size < 0))
      throw new RangeError("a tensor's shape is out of bounds");
    const parameters = tensor.shape.reduce((product, size) => product * size, 1);
    this.#tensorCount++;
    this.#parameters += parameters;
    this.#dtypes.set(tensor.dtype, (this.#dtypes.get(tensor.dtype) ?? 0) + parameters);
    if (this.#dtypes.size > 100) throw new RangeError("there are more than 100 types of numbers");
    if (this.#tensors.length < MAX_TENSORS) this.#tensors.push({ ...tensor, name: tensor.name.slice(0, MAX_METADATA_TEXT) });
  }

  /** Takes note of a fact about the model. */
  addMetadata(key: string, value: string): void {
    if (this.#metadata.size < MAX_METADATA) this.#metadata.set(key.slice(0, MAX_METADATA_TEXT), value.slice(0, MAX_METADATA_TEXT));
  }

  /** Returns what was collected. */
  finish(): ModelContents {
    return {
      tensorCount: this.#tensorCount,
      parameters: this.#parameters,
      dtypes: Object.fromEntries(this.#dtypes),
      metadata: Object.fromEntries(this.#metadata),
      tensors: this.#tensors,
    };
  }
}

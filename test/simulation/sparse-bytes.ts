// The content of a simulated file: bytes in pages, absent pages are zeros, so that preallocated files cost nothing.

const PAGE_BYTES = 4096;

export class SparseBytes {
  #sizeBytes = 0;
  #pages = new Map<number, Buffer>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  copy(): SparseBytes {
    const result = new SparseBytes();
    result.#sizeBytes = this.#sizeBytes;
    for (const [index, page] of this.#pages) result.#pages.set(index, Buffer.from(page));
    return result;
  }

  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.#sizeBytes);
    const result = Buffer.alloc(Math.max(0, end - offset));
    for (let at = offset; at < end; ) {
      const start = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, end - at);
      this.#pages.get((at - start) / PAGE_BYTES)?.copy(result, at - offset, start, start + count);
      at += count;
    }
    return result;
  }

  write(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const start = (offset + done) % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, data.length - done);
      this.#page((offset + done - start) / PAGE_BYTES).set(data.subarray(done, done + count), start);
      done += count;
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + data.length);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) {
      const lastPage = Math.floor(sizeBytes / PAGE_BYTES);
      this.#pages.get(lastPage)?.fill(0, sizeBytes % PAGE_BYTES);
      for (const index of [...this.#pages.keys()]) if (index > lastPage) this.#pages.delete(index);
    }
    this.#sizeBytes = sizeBytes;
  }

  flipBit(offset: number, bit: number): void {
    if (offset >= this.#sizeBytes) return;
    const page = this.#page(Math.floor(offset / PAGE_BYTES));
    const at = offset % PAGE_BYTES;
    page[at] = page[at]! ^ (1 << bit);
  }

  #page(index: number): Buffer {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = Buffer.alloc(PAGE_BYTES);
      this.#pages.set(index, page);
    }
    return page;
  }
}

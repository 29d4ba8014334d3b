// Objects written and read with the AWS SDK, as an application does it, each read compared with what was written.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { TestCluster } from '../../../stacks/local/test-cluster.ts';

const READERS = 4;

export class VerifiedObjects {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #digests = new Map<string, string>();
  #reads = 0;

  constructor({ endpoint, credentials, region }: TestCluster, bucket: string) {
    this.#client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 10 });
    this.#bucket = bucket;
  }

  get count(): number {
    return this.#digests.size;
  }

  /** So far. */
  get reads(): number {
    return this.#reads;
  }

  /** One object of each size, over and over. */
  async write(count: number, sizesBytes: readonly number[]): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket }));
    await inParallel(READERS, count, async (index) => {
      const body = randomBytes(sizesBytes[index % sizesBytes.length]!);
      await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: `object${index}`, Body: body }));
      this.#digests.set(`object${index}`, digest(body));
    });
  }

  /** Rejects at the first wrong byte, and at the first object that cannot be read. */
  async readAll(): Promise<void> {
    const keys = [...this.#digests.keys()];
    await inParallel(READERS, keys.length, (index) => this.#read(keys[index]!));
  }

  /** Reads objects at random while something is done, and for ever rejects like readAll. */
  async whileReading<T>(run: () => Promise<T>): Promise<T> {
    const keys = [...this.#digests.keys()];
    let isDone = false;
    const reading = Promise.all(
      Array.from({ length: READERS }, async () => {
        while (!isDone) await this.#read(keys[randomInt(keys.length)]!);
      }),
    );
    const result = await Promise.race([run(), reading.then(() => new Promise<never>(() => {}))]).finally(() => {
      isDone = true;
    });
    await reading;
    return result;
  }

  close(): void {
    this.#client.destroy();
  }

  async #read(key: string): Promise<void> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
    const found = digest(await Body!.transformToByteArray());
    if (found !== this.#digests.get(key))
      throw new Error(`${key} has SHA-256 ${found}, ${this.#digests.get(key)} was written`);
    this.#reads++;
  }
}

async function inParallel(width: number, count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      while (next < count) await run(next++);
    }),
  );
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

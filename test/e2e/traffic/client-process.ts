// Some traffic clients in a process of their own: started by fork() with its order as the only argument, they work until told to
// stop (or until the starter is gone), and leave their record as JSON lines.
import { writeFileSync } from 'node:fs';
import { nowNs, type RecordedOperation } from './recorded-history.ts';
import type { S3Credentials } from './s3-connection.ts';
import { TrafficClient, type TrafficMix } from './traffic-client.ts';

export interface ClientOrder {
  /** The start of the names of its clients. */
  readonly client: string;
  readonly clientCount: number;
  readonly endpoints: readonly string[];
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly bucket: string;
  readonly mix: TrafficMix;
  readonly timeoutMs: number;
  readonly seasons: Seasons;
  /** Where the record goes. */
  readonly file: string;
}

/** All clients work on the same few objects, and on fresh ones in every season. */
export interface Seasons {
  readonly startNs: number;
  readonly lengthSeconds: number;
  readonly objectCount: number;
}

/** What the file of a client holds, a line each. */
export type ClientLine = { readonly operation: RecordedOperation } | { readonly brokenPromise: string };

export function seasonNow({ startNs, lengthSeconds }: Seasons): number {
  return Math.floor((nowNs() - startNs) / 1e9 / lengthSeconds);
}

export function objectsOf({ objectCount }: Seasons, season: number): string[] {
  return Array.from({ length: objectCount }, (_, index) => `season${season}/object${index}`);
}

if (import.meta.main) await main(JSON.parse(process.argv[2]!));

async function main({ seasons, file, client: name, clientCount, ...order }: ClientOrder): Promise<void> {
  const operations: RecordedOperation[] = [];
  const clients = Array.from(
    { length: clientCount },
    (_, index) =>
      new TrafficClient({
        ...order,
        client: `${name}n${index + 1}`,
        objects: () => objectsOf(seasons, seasonNow(seasons)),
        listPrefix: () => `season${seasonNow(seasons)}/`,
        record: (operation) => operations.push(operation),
      }),
  );
  const stop = new AbortController();
  process.once('disconnect', () => stop.abort());
  await Promise.all(clients.map((client) => client.run(stop.signal)));
  for (const client of clients) client.close();
  const broken = clients.flatMap(({ brokenPromises }) => brokenPromises);
  const lines: ClientLine[] = [
    ...operations.map((operation) => ({ operation })),
    ...broken.map((brokenPromise) => ({ brokenPromise })),
  ];
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

// The last resort: the drives of a real cluster whose processes were killed, checked with `ashlar fsck` and emptied with
// `ashlar export`, whole and with parts of them missing or damaged.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ManifestEntry } from '../../node/offline/export.ts';
import { createTestCluster, type TestCluster } from '../../stacks/local/test-cluster.ts';
import { cli } from './support.ts';

const MIB = 2 ** 20;
/** Keys that are no file names as they are, and where they go. */
const ODD_KEYS: Readonly<Record<string, string>> = {
  '../../etc/passwd': '%2E%2E/%2E%2E/etc/passwd',
  '/leading': '%-/leading',
  'a/b': 'a/b',
  a: 'a/%=',
  'per%cent and ümlaut': 'per%25cent and ümlaut',
  'trailing/': 'trailing/%-',
  [`${'n'.repeat(300)}/x`]: `${'n'.repeat(240)}%+/${'n'.repeat(60)}/x`,
};

/** What was acknowledged: by bucket and key. */
const acknowledged = new Map<string, Buffer>();
let master: string;
let place: string;
let slots: string[];

const patterned = (sizeBytes: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 31 + (i >> 9) * 7 + seed) & 0xff;
  return bytes;
};

async function fill(cluster: TestCluster): Promise<void> {
  const { endpoint, region, credentials } = cluster;
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const put = async (bucket: string, key: string, body: Buffer, metadata: Record<string, string> = {}) => {
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: metadata, ContentType: 'text/x-test' }),
    );
    acknowledged.set(`${bucket}/${key}`, body);
  };
  for (const bucket of ['photos', 'logs', 'empty']) await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [i, sizeBytes] of [0, 1, 600, 5_000, 8_192, 8_193, 100_000, 3 * MIB + 5].entries()) {
    await put('photos', `sizes/${sizeBytes}`, patterned(sizeBytes, i), { purpose: 'test' });
  }
  for (let i = 0; i < 6; i++) await put('photos', `big/${i}`, patterned(500_000, 9 * i));
  for (const [i, key] of Object.keys(ODD_KEYS).entries()) await put('photos', key, Buffer.from(`odd ${i}`));
  for (let i = 0; i < 30; i++) await put('logs', `2026/${i}.log`, patterned(40_000 + 997 * i, i));
  await put('photos', 'overwritten', Buffer.from('old'));
  await put('photos', 'overwritten', patterned(20_000, 77));
  await put('photos', 'deleted', Buffer.from('gone'));
  await s3.send(new DeleteObjectCommand({ Bucket: 'photos', Key: 'deleted' }));
  acknowledged.delete('photos/deleted');

  const upload = { Bucket: 'photos', Key: 'multipart' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
  const parts = [patterned(5 * MIB, 1), patterned(MIB, 2), patterned(5, 3)].slice(0, 2);
  const sent = [];
  for (const [i, body] of parts.entries()) {
    const part = { ...upload, UploadId, PartNumber: i + 1, Body: body };
    sent.push({ PartNumber: i + 1, ETag: (await s3.send(new UploadPartCommand(part))).ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts: sent } }));
  acknowledged.set('photos/multipart', Buffer.concat(parts));
  s3.destroy();
}

beforeAll(async () => {
  await using cluster = await createTestCluster({ zones: 4, drives: 2, erasure: '4+2' });
  await fill(cluster);
  const running = await cli(cluster.directory, `fsck ${join(cluster.directory, 'data', 'a1', 'd1')}`);
  expect(running).toMatchObject({ exitCode: 2, noted: expect.stringContaining('is in use by another process') });
  const refused = await cli(cluster.directory, `export ${join(cluster.directory, 'data', 'a1', 'd1')} --out out`);
  expect(refused).toMatchObject({ exitCode: 2, noted: expect.stringContaining('is in use by another process') });
  await Promise.all(cluster.zones.map((zone) => cluster.loseZone(zone)));
  slots = cluster.nodes.flatMap(({ drives }) => drives);
  master = mkdtempSync(join(tmpdir(), 'ashlar-dead-'));
  cpSync(join(cluster.directory, 'data'), master, { recursive: true });
});
afterAll(() => rmSync(master, { recursive: true, force: true }));

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'ashlar-offline-'));
  cpSync(master, join(place, 'data'), { recursive: true });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const drive = (slot: string, ...parts: string[]) => join(place, 'data', slot, ...parts);
const drives = (chosen = slots) => chosen.map((slot) => drive(slot)).join(' ');
const run = (line: string) => cli(place, line);

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function shardFiles(slot: string): string[] {
  return filesUnder(drive(slot)).filter((path) => path.includes('/shards/'));
}

/** Of every file its content and the time of its last change. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  for (const path of filesUnder(directory)) {
    const { mtimeMs, ctimeMs } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${ctimeMs} `).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function flipByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = bytes[offset]! ^ 0x55;
  writeFileSync(path, bytes);
}

function manifest(): ManifestEntry[] {
  const lines = readFileSync(join(place, 'out', 'manifest.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as ManifestEntry);
}

/** Holds every exported file against what was acknowledged, and gives the names of the objects that were exported. */
function verified(): string[] {
  const exported = manifest().filter(({ status }) => status === 'exported');
  for (const { bucket, key, file, sizeBytes } of exported) {
    const bytes = readFileSync(join(place, 'out', file!));
    expect(bytes.equals(acknowledged.get(`${bucket}/${key}`)!)).toBe(true);
    expect(sizeBytes).toBe(bytes.length);
  }
  const files = filesUnder(join(place, 'out')).map((path) => path.slice(join(place, 'out').length + 1));
  expect(files).toEqual(['manifest.jsonl', ...exported.map(({ file }) => file!)].sort());
  return exported.map(({ bucket, key }) => `${bucket}/${key}`).sort();
}

const everything = () => [...acknowledged.keys()].sort();

describe('ashlar export', () => {
  test('brings out every object of a cluster that was killed with its newest writes in the log alone, and changes no drive', async () => {
    const before = fingerprint(join(place, 'data'));
    const { exitCode, printed, noted } = await run(`export ${drives()} --out out`);
    expect({ exitCode, noted }).toEqual({ exitCode: 0, noted: '' });
    expect(verified()).toEqual(everything());
    expect(printed).toContain('no acknowledged object is missing from this list');
    expect(printed).toMatch(/^empty +0 /m);
    expect(fingerprint(join(place, 'data'))).toBe(before);
    const entries = manifest();
    // What was cleaned up after an overwrite may have been under way.
    expect(entries.every(({ certainty }) => certainty !== 'uncertain')).toBe(true);
    const entry = entries.find(({ key }) => key === 'sizes/600')!;
    expect(entry).toMatchObject({ userMetadata: { purpose: 'test' }, headers: { 'content-type': 'text/x-test' } });
    expect(entry.etag).toBe(createHash('md5').update(acknowledged.get('photos/sizes/600')!).digest('hex'));
  });

  test('writes keys that are no file names where they cannot be mistaken', async () => {
    await run(`export ${drives()} --out out --bucket photos`);
    const files = Object.fromEntries(manifest().map(({ key, file }) => [key, file]));
    for (const [key, path] of Object.entries(ODD_KEYS)) expect(files[key]).toBe(`photos/${path}`);
    expect(readdirSync(place).sort()).toEqual(['data', 'out']);
  });

  test('needs no more than all but m of the drives', async () => {
    const { exitCode } = await run(`export ${drives(slots.slice(2))} --out out`);
    expect(verified()).toEqual(everything());
    expect(exitCode).toBe(0);
  });

  test('takes other shards for damaged ones', async () => {
    const files = slots.flatMap((slot, i) => (i % 4 === 0 ? shardFiles(slot) : []));
    expect(files.length).toBeGreaterThan(2);
    for (const path of files) flipByte(path, 4_096 + 1_000);
    const { exitCode } = await run(`export ${drives()} --out out`);
    expect(verified()).toEqual(everything());
    expect(exitCode).toBe(0);
  });

  test('takes a drive for what its log says when its index is garbage, and other drives for one whose log is gone', async () => {
    for (const slot of ['a1/d1', 'b1/d2']) writeFileSync(drive(slot, 'index', 'tree'), Buffer.alloc(40_000, 7));
    for (const path of filesUnder(drive('c1/d1', 'log'))) truncateSync(path, 10);
    rmSync(drive('d1/d2', 'identity'));
    const { exitCode, noted } = await run(`export ${drives()} --out out`);
    expect(verified()).toEqual(everything());
    expect(noted).toContain('a1/d1: corrupt');
    expect(noted).toContain('d1/d2: corrupt');
    expect(exitCode).toBe(1);
  });

  test('lists what cannot be rebuilt, writes nothing of it, and says which answers are uncertain', async () => {
    const { exitCode, printed, noted } = await run(`export ${drives(slots.slice(4))} --out out`);
    expect(exitCode).toBe(1);
    const exported = verified();
    const lost = manifest().filter(({ status }) => status === 'unrecoverable');
    expect(lost.length).toBeGreaterThan(0);
    expect(exported.length).toBeGreaterThan(0);
    for (const { bucket, key, file, problem } of lost) {
      expect(acknowledged.has(`${bucket}/${key}`)).toBe(true);
      expect(file).toBeNull();
      expect(problem).toContain('shards that it takes are here');
      expect(noted).toContain(`LOST ${bucket}/${key}: `);
    }
    expect(printed).toMatch(/Of \d+ partitions \d+ have too few drives here/);
    expect(manifest().some(({ certainty }) => certainty === 'uncertain')).toBe(true);
  });

  test('takes one bucket, and keys with a prefix', async () => {
    await run(`export ${drives()} --out out --bucket logs --key-prefix 2026/1`);
    const keys = everything().filter((name) => name.startsWith('logs/2026/1'));
    expect(verified()).toEqual(keys);
    expect(keys.length).toBe(11);
  });

  test('refuses what it cannot work on, and says why', async () => {
    const refusals: [string, string][] = [
      [`export ${drives()} --out out --bucket nosuch`, 'have no bucket nosuch; they have empty, logs, photos'],
      [`export ${drives()} --out data`, 'is not empty'],
      [`export ${drives()} --out data/a1/d1/out`, 'nothing is written to a drive'],
      [`export ${place}/nothing --out out`, 'ENOENT'],
      [`export ${place} --out out`, 'holds files that are not a drive'],
      [`export ${drives()}`, "required option '--out <dir>' not specified"],
      ['fsck', "missing required argument 'dir'"],
    ];
    for (const [line, problem] of refusals) {
      const { exitCode, noted } = await run(line);
      expect({ exitCode, noted }).toEqual({ exitCode: 2, noted: expect.stringContaining(problem) });
    }
  });
});

describe('docs/operations/quorum-loss.md', () => {
  test('has commands that work as they stand there', async () => {
    const page = readFileSync(new URL('../../docs/operations/quorum-loss.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```sh\n([^`]*)```$/gm)].flatMap(([, block]) => block!.trimEnd().split('\n'));
    const commands = blocks.filter((line) => line.startsWith('npx ashlar '));
    expect(commands.length).toBe(4);
    for (const command of commands) {
      const line = command
        .replace('npx ashlar ', '')
        .replace('$DRIVES', drives())
        .replace('/backup', `${place}/backup`);
      expect(await run(line)).toMatchObject({ exitCode: 0, noted: '' });
    }
    expect(readdirSync(join(place, 'backup'))).toEqual(['objects', 'part']);
    const fields = [...page.matchAll(/^\| ((?:`[a-zA-Z]+`(?:, )?)+) \|/gm)].flatMap(([, names]) =>
      names!.split(', ').map((name) => name.replaceAll('`', '')),
    );
    const [entry] = readFileSync(join(place, 'backup', 'objects', 'manifest.jsonl'), 'utf8').split('\n');
    expect(fields).toEqual(expect.arrayContaining(Object.keys(JSON.parse(entry!) as ManifestEntry)));
  });
});

describe('ashlar fsck', () => {
  test('calls the drives of a killed cluster clean, and changes nothing', async () => {
    const before = fingerprint(join(place, 'data'));
    const { exitCode, printed } = await run(`fsck ${drives()}`);
    expect(exitCode).toBe(0);
    expect(printed).toContain('8 drives: clean.');
    expect(fingerprint(join(place, 'data'))).toBe(before);
  });

  test('names what is missing and what is damaged, as text and as JSON', async () => {
    const [damaged, gone] = shardFiles('a1/d1');
    flipByte(damaged!, 5_000);
    rmSync(gone!);
    const stray = `shards/${damaged!.split('/').at(-2)}/${'00'.repeat(16)}-00-${'00'.repeat(8)}`;
    writeFileSync(drive('a1/d1', stray), '');
    writeFileSync(drive('b1/d1', 'index', 'tree'), Buffer.alloc(10_000, 7));
    const text = await run(`fsck ${drives()}`);
    expect(text.exitCode).toBe(1);
    expect(text.printed).toMatch(/8 drives: \d+ problems\./);
    const json = await run(`fsck ${drives()} --json`);
    expect(json.exitCode).toBe(1);
    const reports = (JSON.parse(json.printed) as { drives: Record<string, unknown>[] }).drives;
    const findings = Object.fromEntries(
      reports.map(({ identity, findings }) => [(identity as { slot: string }).slot, findings]),
    );
    expect(reports.map(({ strayFiles }) => strayFiles).filter((files) => (files as unknown[]).length > 0)).toEqual([
      [stray],
    ]);
    expect(findings['a1/d1']).toHaveLength(2);
    expect(findings['a1/d1']).toContainEqual({ kind: 'missing', message: expect.stringContaining(gone!.slice(-51)) });
    expect(findings['a1/d1']).toContainEqual({
      kind: 'corrupt',
      message: expect.stringContaining('checksum does not match'),
    });
    expect(findings['b1/d1']).toContainEqual({ kind: 'corrupt', message: expect.stringContaining('is not an index') });
    expect(
      reports.filter(({ isSalvaged }) => isSalvaged).map(({ identity }) => (identity as { slot: string }).slot),
    ).toEqual(['b1/d1']);
  });
});

// The bytes of membership: the cluster map on disk and on the wire, what nodes tell each other when they meet, and the
// messages with which a cluster is founded and its map is spread.
import type { ClusterMap } from '../core/cluster-map.ts';
import type { Hello } from '../core/founding.ts';
import { bool, bytes, choice, type Format, format, hex, list, optional, struct, text, u8, u32, u53 } from './codec.ts';

const scheme = struct('scheme', { k: [u8, 'data shards'], m: [u8, 'parity shards'] });

const node = struct('node', {
  name: [text, 'unique in the cluster'],
  zone: [text, 'failure domain'],
  address: [text, 'where it is reached'],
});

const drive = struct('drive', {
  id: [hex(16), 'drawn at formatting; a replaced drive has another'],
  slot: [text, 'node/drive; what placement hashes'],
  node: [text, 'the node that owns it'],
  weight: [u32, 'share of the data'],
  state: [choice(['up', 'down']), 'down: writes may skip it'],
});

/** Stored under 'M' on every drive, and the payload of the map's register. */
export const clusterMapFormat: Format<ClusterMap> = format('cluster map', 1, {
  clusterId: [hex(16), 'drawn when the cluster was founded'],
  epoch: [u53, 'one more with every change'],
  scheme: [scheme, 'k data and m parity shards'],
  partitionCount: [u32, 'a power of two'],
  nodes: [list(node), 'members'],
  drives: [list(drive), 'drives of the members'],
  keepers: [list(text), 'slots that vote on the next map'],
});

/** Exchanged when two nodes meet, before they know of a common map. */
export const helloFormat: Format<Hello> = format('hello', 1, {
  zone: [text, 'of the node'],
  scheme: [text, 'k+m that the node was started with'],
  endpoints: [list(text), 'the whole list that the node was started with, in order'],
  drives: [
    optional(
      list(
        struct('drive', {
          slot: [text, 'node/drive'],
          state: [choice(['blank', 'formatted', 'refused']), 'as found on the disk'],
          problem: [text, 'why it was refused, else empty'],
        }),
      ),
    ),
    'none: still finding out which endpoints are its own',
  ],
  clusterId: [optional(hex(16)), 'of its formatted drives'],
  founded: [bool, 'the founding has ended: everybody had formatted'],
  map: [optional(bytes), 'the newest cluster map it has'],
});

export const foundRequest = format('found request', 1, {
  map: [bytes, 'the first cluster map: format your drives as it says'],
});
export const foundedRequest = format('founded request', 1, {
  clusterId: [hex(16), 'every node has formatted: the cluster exists'],
});
export const emptyMessage = format('empty', 1, {});

const pinged = struct('drive', {
  slot: [text, 'node/drive'],
  id: [hex(16), 'as on the drive'],
  caughtUp: [bool, 'it holds all that was decided before it came back'],
});
export const pingMessage = format('ping', 1, {
  life: [
    hex(8),
    'drawn when the process started: another one means that it was restarted, and forgot what it had in mind',
  ],
  epoch: [u53, 'of the newest map that the sender knows'],
  ready: [bool, 'it serves clients'],
  drives: [list(pinged), 'that it can use'],
});

export const mapMessage = format('map', 1, {
  map: [bytes, 'the newest cluster map that the sender knows'],
});

export const reportMessage = format('report', 1, {
  report: [text, 'a NodeReport (node/admin/status.ts) as JSON, for people and tools'],
});

export const sampleRequest = format('sample request', 1, {
  shardsPerDrive: [u32, 'to read and verify, chosen by chance, a piece of each'],
});
export const sampleResponse = format('sample response', 1, {
  damaged: [list(text), 'a sentence for each that cannot be read; they are being mended from now on'],
});

export const replaceRequest = format('replace request', 1, {
  slot: [text, 'whose blank drive is to take the place of the lost one'],
});

// Which cluster a node with foreign drives belongs to.
import { describe, expect, it } from 'vitest';
import { ownCluster, type Peer } from '../../node/core/founding.ts';

function peer(name: string, clusterId: string | null): Peer {
  const hello = { zone: 'z', scheme: '2+1', endpoints: [], drives: [], clusterId, founded: true, map: null };
  return { name, address: `http://${name}:9000`, hello };
}

const MIXED = new Map([
  ['theirs', ['b1/d1', 'b1/d2']],
  ['ours', ['b1/d3']],
]);

describe('a node whose drives belong to several clusters', () => {
  it('belongs where its peers are, however many drives and whatever order speak against it', () => {
    expect(ownCluster('b1', MIXED, [peer('a1', 'ours')]).clusterId).toBe('ours');
  });

  it('goes by most of its peers, of which one may hold a foreign drive itself', () => {
    const peers = [peer('a1', 'theirs'), peer('c1', 'ours'), peer('d1', 'ours')];
    expect(ownCluster('b1', MIXED, peers).clusterId).toBe('ours');
  });

  it.each([
    ['no peer answers', []],
    ['the peers know no more', [peer('a1', null)]],
    ['the peers are divided', [peer('a1', 'theirs'), peer('c1', 'ours')]],
    ['only it answers itself', [peer('b1', 'theirs')]],
  ])('belongs nowhere while %s, and says which drives are where', (_, peers) => {
    expect(ownCluster('b1', MIXED, peers)).toEqual({
      clusterId: null,
      problem:
        'the drives of b1 belong to different clusters (b1/d1, b1/d2 to theirs; b1/d3 to ours), and its peers do not say ' +
        'which is right; start the other nodes, or take the foreign drives out',
    });
  });
});

// HAProxy and nginx, with the files that `ashlar render load-balancer` writes, in front of a real cluster.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultyCluster } from '../faulty-cluster.ts';
import { type Certificate, encrypted, makeCertificate, passedThrough } from '../load-balancer/encrypted.ts';
import { faults } from '../load-balancer/faults.ts';
import { largeBody } from '../load-balancer/large-body.ts';
import { names } from '../load-balancer/names.ts';
import { check, type Kind, RunningBalancer, render } from '../load-balancer/program.ts';
import { repeats } from '../load-balancer/repeats.ts';
import { requests } from '../load-balancer/requests.ts';
import { DOMAIN, makeSite, type Site } from '../load-balancer/site.ts';
import { throughput } from '../load-balancer/throughput.ts';
import { zoneAffinity } from '../load-balancer/zone-affinity.ts';
import type { Suite } from '../suite.ts';

const KINDS: readonly Kind[] = ['haproxy', 'nginx'];
const HEAL_TIMEOUT_MS = 300_000;
/** Debian has it in a package of its own; other builds of nginx have it inside, and then the file is not looked for. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const loadBalancer: Suite = {
  name: 'load-balancer',
  summary: 'clients behind HAProxy and nginx notice nothing while nodes come and go',
  packages: [
    { name: 'haproxy', program: 'haproxy' },
    { name: 'nginx-full', program: 'nginx' },
    { name: 'awscli', program: 'aws' },
    { name: 'openssl', program: 'openssl' },
  ],
  run: async (context) => {
    await using faulty = await FaultyCluster.start({ zones: 4, drives: 2, erasure: '4+2', domains: [DOMAIN] });
    try {
      const site = await makeSite(context, faulty);
      const certificate = await makeCertificate(context.directory);
      for (const kind of KINDS) await story(site, kind, certificate);
    } catch (error) {
      await faulty.keepLogs(context.directory);
      throw error;
    }
  },
};

async function story(site: Site, kind: Kind, certificate: Certificate): Promise<void> {
  await repeats(site, kind);
  const rendered = await render(kind, join(site.directory, kind), site.specFile);
  await check(rendered);
  {
    await using balancer = await RunningBalancer.start(rendered);
    // First, while the balancer has hardly any memory.
    await largeBody(site, balancer);
    await requests(site, balancer);
    if (!site.ci) await throughput(site, balancer);
    await faults(site, balancer);
    site.say(`${kind}: stopped in order in ${(await balancer.stop()).toFixed(1)} s`);
  }
  await encrypted(site, kind, certificate);
  await passthrough(site, kind, certificate);
  await names(site, kind);
  if (!site.ci) await site.faulty.cluster.waitHealthy({ timeoutMs: HEAL_TIMEOUT_MS });
  await zoneAffinity(site, kind);
}

async function passthrough(site: Site, kind: Kind, certificate: Certificate): Promise<void> {
  const isMissing =
    kind === 'nginx' &&
    (await access(STREAM_MODULE).then(
      () => false,
      () => true,
    ));
  if (isMissing)
    site.say(`nginx: TLS passthrough is not tried: ${STREAM_MODULE} is missing (package libnginx-mod-stream)`);
  else await passedThrough(site, kind, certificate);
}

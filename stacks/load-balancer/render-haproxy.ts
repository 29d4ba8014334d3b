// The load balancer as a configuration of HAProxy 2.6 or newer: active checks on *ready*, least connections, bodies streamed both
// ways, and no request repeated that may have had an effect. Pure: the same value gives the same text.
import { BALANCER_STATUSES, errorDocument } from './error-document.ts';
import { addressText, byDistance, type LoadBalancer } from './load-balancer.ts';
import { ANSWER_S, CLIENT_IDLE_S, CLIENT_SILENCE_S, CONNECT_S, DRAIN_S, NODE_IDLE_S } from './timing.ts';

export const HAPROXY_FILE = 'haproxy.cfg';

const ALL_NODES = 'nodes';

export function renderHaproxy(balancer: LoadBalancer): string {
  const sections = [
    introduction(balancer),
    globalSection(balancer),
    ...(balancer.hasNames ? [resolvers(balancer)] : []),
    defaults(balancer),
    frontend(balancer),
    ...backends(balancer),
    statistics(balancer),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function introduction({ cluster }: LoadBalancer): string[] {
  return [
    `# HAProxy in front of the storage cluster ${cluster}. Rendered by "ashlar render load-balancer": change the spec, or the options,`,
    '# and render it again. Needs HAProxy 2.6 or newer.',
    '#   check    haproxy -c -f haproxy.cfg',
    '#   run      haproxy -W -db -f haproxy.cfg',
    '#   reload   kill -USR2 MASTER   the old process finishes its requests, the new one takes all others',
    '#   stop     kill -USR1 MASTER   finishes its requests; TERM cuts them. In containers: STOPSIGNAL SIGUSR1',
    '# A user to run as, and whatever else is of the machine alone, goes into a second file: -f haproxy.cfg -f machine.cfg',
  ];
}

function globalSection({ tls }: LoadBalancer): string[] {
  return [
    'global',
    '    # Nodes that come and go, not every request.',
    '    log stdout format raw daemon notice',
    '    maxconn 8192',
    '    # Twice the default: a third less work for large bodies, and room for headers longer than the nodes accept.',
    '    tune.bufsize 32768',
    '    # After a reload or a stop in order, so long may requests under way go on.',
    `    hard-stop-after ${DRAIN_S}s`,
    ...(tls.kind === 'terminate' ? ['    ssl-default-bind-options ssl-min-ver TLSv1.2'] : []),
  ];
}

/** Names are asked again and again: the address of a container changes whenever it is made anew. */
function resolvers({ nameServers }: LoadBalancer): string[] {
  return [
    'resolvers dns',
    ...(nameServers.length === 0
      ? ['    parse-resolv-conf']
      : nameServers.map((server, index) => `    nameserver dns${index + 1} ${addressText(server)}`)),
    '    accepted_payload_size 8192',
    '    resolve_retries 3',
    '    timeout resolve 1s',
    '    timeout retry 1s',
    '    hold valid 2s',
    '    hold obsolete 10s',
    '    # A name server that fails says nothing about the nodes: their checks decide.',
    '    hold timeout 10m',
    '    hold refused 10m',
    '    hold other 10m',
  ];
}

function defaults({ tls }: LoadBalancer): string[] {
  const common = [
    'defaults',
    `    mode ${tls.kind === 'passthrough' ? 'tcp' : 'http'}`,
    '    log global',
    `    timeout connect ${CONNECT_S}s`,
    '    timeout check 2s',
    '    # A node whose host is gone without a word is found out in 25 s, not when its answer is overdue.',
    '    option srvtcpka',
    '    srvtcpka-idle 10s',
    '    srvtcpka-intvl 5s',
    '    srvtcpka-cnt 3',
    '    # A connection that could not be made is made to another node: nothing was sent yet.',
    '    retries 3',
    '    option redispatch 1',
  ];
  if (tls.kind === 'passthrough') {
    return [
      ...common,
      '    # Silence on a connection means nothing here: a client may be waiting for its answer.',
      `    timeout client ${ANSWER_S}s`,
      `    timeout server ${ANSWER_S}s`,
    ];
  }
  return [
    ...common,
    '    # Of silence, not of a whole request: a slow upload takes as long as it takes.',
    `    timeout client ${CLIENT_SILENCE_S}s`,
    '    # Until the answer begins. Completing a large upload and copying 5 GiB are answered when they are done.',
    `    timeout server ${ANSWER_S}s`,
    '    # Until the headers of a request are complete.',
    `    timeout http-request ${CLIENT_SILENCE_S}s`,
    `    timeout http-keep-alive ${CLIENT_IDLE_S}s`,
    '    # At a reload an idle connection is not closed under a request that is on its way, but with the next answer.',
    '    option idle-close-on-response',
    '    # Of a GET or HEAD that brought no answer at all (see disable-l7-retry below). Not on 503: SlowDown means that clients should wait,',
    '    # as their SDKs do, and another node asked at once would only be the next to be too busy.',
    '    retry-on conn-failure empty-response',
    ...BALANCER_STATUSES.map(
      (status) => `    http-error status ${status} content-type "application/xml" string '${errorDocument(status)}'`,
    ),
  ];
}

function frontend(balancer: LoadBalancer): string[] {
  const { listen, tls, near } = balancer;
  const bind = `    bind ${addressText(listen)}`;
  const choice = [
    ...(near === null
      ? []
      : [`    use_backend ${nearName(near.zone)} if { nbsrv(${nearName(near.zone)}) ge ${near.readyMin} }`]),
    `    default_backend ${ALL_NODES}`,
  ];
  if (tls.kind === 'passthrough') {
    return [
      'frontend s3',
      '    # TLS ends at the nodes, so nothing of a request can be seen or refused here, paths of the nodes themselves included.',
      bind,
      ...choice,
    ];
  }
  // HTTP/2 would gain S3 clients nothing, and its flow control slows large bodies down.
  const withTls = tls.kind === 'terminate' ? ` ssl crt ${tls.certificatePath} alpn http/1.1` : '';
  return [
    'frontend s3',
    '    # Bodies of any size are streamed, "Expect: 100-continue" is the node\'s to answer, and Host stays as it came: it is signed.',
    `${bind}${withTls}`,
    ...refusals(balancer),
    '    # Whatever is not a plain read may have had its effect when no answer comes. Only the client can know what to do then.',
    '    http-request disable-l7-retry unless { method GET HEAD }',
    ...choice,
  ];
}

/** The rule of node/s3/server.ts (isForS3): below a bucket's host name every path is a key, and a signed /metrics is a bucket. */
function refusals({ reserved, domains }: LoadBalancer): string[] {
  if (reserved === null) return [];
  const { prefix, openPrefix, metricsPath } = reserved;
  const bucketHosts = domains.map((domain) => `    acl bucket_host req.hdr(host),host_only,lower -m end .${domain}`);
  const unlessBucket = domains.length === 0 ? '' : ' !bucket_host';
  return [
    "    # What is the nodes' own: status, repair, metrics, the way from node to node. Operators go to the nodes. Health may be asked here.",
    ...bucketHosts,
    '    acl signed req.hdr(authorization) -m beg AWS',
    '    acl signed query -m sub X-Amz-Signature=',
    `    http-request deny if { path -m beg ${prefix} } !{ path -m beg ${openPrefix} }${unlessBucket}`,
    `    http-request deny if { method GET } { path -m str ${metricsPath} } !signed${unlessBucket}`,
    '    # S3 never leaves HTTP/1.1; only nodes do, among themselves.',
    '    http-request del-header Upgrade',
  ];
}

function backends(balancer: LoadBalancer): string[][] {
  const { near: zone, nodes } = balancer;
  const all = [
    `backend ${ALL_NODES}`,
    ...backendRules(balancer),
    ...nodes.map((node) => `    server ${node.name} ${addressText(node)}`),
  ];
  if (zone === null) return [all];
  const { near, far } = byDistance(balancer);
  return [
    [
      `# Used while at least ${zone.readyMin} of the ${near.length} nodes of zone ${zone.zone} can be; the others stand in when the last one is gone.`,
      `backend ${nearName(zone.zone)}`,
      ...backendRules(balancer),
      '    option allbackups',
      ...near.map((node) => `    server ${node.name} ${addressText(node)}`),
      ...far.map((node) => `    server ${node.name} ${addressText(node)} backup`),
    ],
    all,
  ];
}

function backendRules({ readyPath, tls, hasNames }: LoadBalancer): string[] {
  const isPassthrough = tls.kind === 'passthrough';
  // What a check says counts; whether the certificate is right is for the clients to judge.
  const checkTls = isPassthrough ? ' check-ssl verify none' : '';
  // Starts although a name is not known yet, and takes its address when it is.
  const names = hasNames ? ' resolvers dns init-addr libc,none' : '';
  return [
    '    balance leastconn',
    '    option httpchk',
    `    http-check send meth GET uri ${readyPath} ver HTTP/1.1 hdr Host localhost`,
    '    http-check expect status 200',
    '    # Two checks, or two connections, that fail take a node out within 2 s; its share grows over 20 s when it is back.',
    `    default-server check${checkTls} inter 1s fall 2 rise 2 observe layer4 error-limit 2 on-error mark-down slowstart 20s${names}`,
    ...(isPassthrough ? [] : [`    default-server pool-purge-delay ${NODE_IDLE_S / 2}s`]),
  ];
}

function statistics({ stats }: LoadBalancer): string[] {
  return [
    '# For people at /, for Prometheus at /metrics. Whoever reaches the port may read it.',
    'frontend statistics',
    '    mode http',
    `    bind ${addressText(stats)}`,
    '    timeout client 10s',
    '    timeout http-request 10s',
    '    http-request use-service prometheus-exporter if { path /metrics }',
    '    stats enable',
    '    stats uri /',
    '    stats refresh 5s',
  ];
}

function nearName(zone: string): string {
  return `zone-${zone}`;
}

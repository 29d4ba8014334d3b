// The load balancer as a configuration of nginx, open source, 1.22 or newer: least connections, bodies streamed both ways, nothing
// repeated that may have had an effect. It cannot ask nodes whether they are ready, as HAProxy does; what follows from that is
// said in docs/operations/load-balancer.md. Pure: the same value gives the same text.
import { type BalancerStatus, errorDocument } from './error-document.ts';
import { addressText, type BalancedNode, byDistance, type LoadBalancer } from './load-balancer.ts';
import { ANSWER_S, CLIENT_IDLE_S, CLIENT_SILENCE_S, CONNECT_S, DRAIN_S, NODE_IDLE_S } from './timing.ts';

export const NGINX_FILE = 'nginx.conf';

export function renderNginx(balancer: LoadBalancer): string {
  const isPassthrough = balancer.tls.kind === 'passthrough';
  const sections = [
    introduction(balancer),
    main(),
    ...(isPassthrough ? [streamBlock(balancer)] : []),
    ['http {', ...indent(isPassthrough ? statistics(balancer) : httpBlock(balancer)), '}'],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function introduction({ cluster, hasNames, nameServers }: LoadBalancer): string[] {
  const resolves = nameServers.length > 0;
  return [
    `# nginx in front of the storage cluster ${cluster}. Rendered by "ashlar render load-balancer": change the spec, or the options,`,
    `# and render it again. Needs nginx ${resolves ? '1.27.3' : '1.22'} or newer.`,
    '#   check    nginx -t -c /PATH/nginx.conf',
    '#   run      nginx -c /PATH/nginx.conf -g "daemon off;"',
    '#   reload   nginx -s reload    the old workers finish their requests, new ones take all others',
    '#   stop     nginx -s quit      finishes its requests; TERM cuts them. In containers: STOPSIGNAL SIGQUIT',
    ...(hasNames && !resolves
      ? [
          '# Nodes have names here, which are looked up at the start and at every reload only; --name-server has them asked again.',
        ]
      : []),
  ];
}

function main(): string[] {
  return [
    'worker_processes auto;',
    'worker_rlimit_nofile 16384;',
    '# After a reload or a stop in order, so long may requests under way go on.',
    `worker_shutdown_timeout ${DRAIN_S}s;`,
    'error_log stderr warn;',
    "# Debian's modules, where there are any.",
    'include /etc/nginx/modules-enabled/*.conf;',
    '',
    'events {',
    '    worker_connections 8192;',
    '}',
  ];
}

function httpBlock(balancer: LoadBalancer): string[] {
  return [
    'access_log off;',
    'server_tokens off;',
    'default_type application/xml;',
    ...resolver(balancer),
    '',
    ...upstream(balancer, [
      '# Connections to nodes are kept, for less than the 75 s after which a node closes one.',
      'keepalive 128;',
      'keepalive_requests 1000000;',
      `keepalive_timeout ${NODE_IDLE_S}s;`,
    ]),
    '',
    ...reservedMaps(balancer),
    ...attemptMap(),
    '',
    ...server(balancer),
    '',
    ...statistics(balancer),
  ];
}

function upstream(balancer: LoadBalancer, more: readonly string[]): string[] {
  const { near, far } = byDistance(balancer);
  const isAskedAgain = balancer.nameServers.length > 0;
  const line = (node: BalancedNode, role: string) =>
    `server ${addressText(node)} max_fails=3 fail_timeout=2s${isAskedAgain ? ' resolve' : ''}${role};  # ${node.name}`;
  return [
    'upstream nodes {',
    ...indent([
      'least_conn;',
      '# What one worker finds out, all know.',
      'zone nodes 256k;',
      '# Three failures take a node out; every 2 s one request tries it again.',
      ...near.map((node) => line(node, '')),
      ...(far.length > 0 ? [`# Used only while no node of zone ${balancer.near!.zone} can be.`] : []),
      ...far.map((node) => line(node, ' backup')),
      ...more,
    ]),
    '}',
  ];
}

/**
 * nginx repeats a PUT or DELETE as readily as a GET, and cannot be told to do so only when no connection was made. It never does
 * for a body that it streams, nor for a POST, once something was sent; but a body that fits into its buffer is not streamed.
 */
function attemptMap(): string[] {
  return [
    '# reads: asked of another node when one fails, or is not ready. streamed: only when no connection was made, because nginx repeats no',
    '# POST, and no body longer than its buffers, of which something was sent. Anything else may have had its effect: never.',
    'map "$request_method $content_length" $attempt {',
    ...indent(['default once;', '"~^(GET|HEAD) " reads;', '"~^POST " streamed;', '"~^PUT [0-9]{6,}$" streamed;']),
    '}',
  ];
}

/** The rule of node/s3/server.ts (isForS3): below a bucket's host name every path is a key, and a signed /metrics is a bucket. */
function reservedMaps({ reserved, domains }: LoadBalancer): string[] {
  if (reserved === null) return [];
  const { prefix, openPrefix, metricsPath } = reserved;
  return [
    "# What is the nodes' own: status, repair, metrics, the way from node to node. Operators go to the nodes. Health may be asked here.",
    'map $http_host $bucket_host {',
    ...indent(['default 0;', ...domains.map((domain) => `"~*\\.${domain.replaceAll('.', '\\.')}(:[0-9]+)?$" 1;`)]),
    '}',
    'map "$http_authorization $args" $signed {',
    ...indent(['default 0;', '"~^AWS" 1;', '"~X-Amz-Signature=" 1;']),
    '}',
    '# By the path as it came: nginx would take "/bucket/../" apart, and in S3 it is part of a key.',
    'map "$bucket_host$signed $request_method $request_uri" $is_reserved {',
    ...indent([
      'default 0;',
      `"~^0[01] [A-Z]+ ${openPrefix}" 0;`,
      `"~^0[01] [A-Z]+ ${prefix}" 1;`,
      `"~^00 GET ${metricsPath}(\\?|$)" 1;`,
    ]),
    '}',
  ];
}

function server(balancer: LoadBalancer): string[] {
  const { listen, tls, reserved } = balancer;
  const address = listen.host === null ? String(listen.port) : addressText(listen);
  return [
    'server {',
    ...indent([
      `listen ${address}${tls.kind === 'terminate' ? ' ssl' : ''} default_server;`,
      'server_name _;',
      ...(tls.kind === 'terminate' ? certificate(tls.certificatePath) : []),
      '',
      ...clientRules(),
      '',
      ...nodeRules(),
      '',
      ...errorPages(),
      '',
      'location / {',
      ...indent([
        ...(reserved === null ? [] : ['if ($is_reserved) { return 403; }']),
        '# Named places for the three ways to try; 418 and 419 never leave this file.',
        'if ($attempt = reads) { return 418; }',
        'if ($attempt = streamed) { return 419; }',
        'proxy_next_upstream off;',
        'proxy_pass http://nodes;',
      ]),
      '}',
      'error_page 418 = @reads;',
      'error_page 419 = @streamed;',
      'location @reads {',
      ...indent([
        'proxy_next_upstream error timeout http_503;',
        'proxy_next_upstream_tries 3;',
        'proxy_pass http://nodes;',
      ]),
      '}',
      'location @streamed {',
      ...indent(['proxy_next_upstream error timeout;', 'proxy_next_upstream_tries 3;', 'proxy_pass http://nodes;']),
      '}',
    ]),
    '}',
  ];
}

function certificate(path: string): string[] {
  return [
    `ssl_certificate ${path};`,
    `ssl_certificate_key ${path};`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
    'ssl_session_cache shared:tls:10m;',
    '# One record per write to the socket is enough for bodies, and its answer comes no later.',
    'ssl_buffer_size 16k;',
  ];
}

function clientRules(): string[] {
  return [
    '# Bodies of any size, passed on as they come.',
    'client_max_body_size 0;',
    'proxy_request_buffering off;',
    'client_body_buffer_size 128k;',
    'proxy_buffering off;',
    'proxy_max_temp_file_size 0;',
    '# Headers are signed: all of them must arrive, and names that nginx finds odd are names of metadata.',
    'underscores_in_headers on;',
    'ignore_invalid_headers off;',
    'large_client_header_buffers 4 32k;',
    '# Of silence, not of a whole request: a slow upload takes as long as it takes.',
    `client_header_timeout ${CLIENT_SILENCE_S}s;`,
    `client_body_timeout ${CLIENT_SILENCE_S}s;`,
    `send_timeout ${CLIENT_SILENCE_S}s;`,
    `keepalive_timeout ${CLIENT_IDLE_S}s;`,
    'keepalive_requests 1000000;',
    'reset_timedout_connection on;',
    'tcp_nodelay on;',
  ];
}

function nodeRules(): string[] {
  return [
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    '# As it came: it is signed.',
    'proxy_set_header Host $http_host;',
    '# Read and passed on in pieces of so much.',
    'proxy_buffer_size 64k;',
    'proxy_buffers 4 64k;',
    `proxy_connect_timeout ${CONNECT_S}s;`,
    `proxy_send_timeout ${CLIENT_SILENCE_S}s;`,
    '# Until the answer begins. Completing a large upload and copying 5 GiB are answered when they are done.',
    `proxy_read_timeout ${ANSWER_S}s;`,
    'proxy_socket_keepalive on;',
  ];
}

/** Answers of nodes are passed as they are; these are nginx's own. */
function errorPages(): string[] {
  const statuses: readonly BalancerStatus[] = [400, 403, 408, 500, 502, 504];
  return [
    'recursive_error_pages on;',
    ...statuses.map((status) => `error_page ${status} @error${status};`),
    ...statuses.map((status) => `location @error${status} { return ${status} '${errorDocument(status)}'; }`),
  ];
}

function streamBlock(balancer: LoadBalancer): string[] {
  const { listen } = balancer;
  const address = listen.host === null ? String(listen.port) : addressText(listen);
  return [
    '# TLS ends at the nodes, so nothing of a request can be seen or refused here, paths of the nodes themselves included.',
    'stream {',
    ...indent([
      ...resolver(balancer),
      ...upstream(balancer, []),
      'server {',
      ...indent([
        `listen ${address} so_keepalive=on;`,
        'proxy_pass nodes;',
        `proxy_connect_timeout ${CONNECT_S}s;`,
        '# To another node only when no connection was made.',
        'proxy_next_upstream on;',
        'proxy_next_upstream_tries 3;',
        '# Silence on a connection means nothing here: a client may be waiting for its answer.',
        `proxy_timeout ${ANSWER_S}s;`,
        'proxy_socket_keepalive on;',
        'proxy_buffer_size 64k;',
        'tcp_nodelay on;',
      ]),
      '}',
    ]),
    '}',
  ];
}

/** Nothing without name servers: nginx knows no way to ask those of the machine. */
function resolver({ nameServers }: LoadBalancer): string[] {
  if (nameServers.length === 0) return [];
  return [`resolver ${nameServers.map(addressText).join(' ')} valid=2s;`, 'resolver_timeout 2s;'];
}

function statistics({ stats }: LoadBalancer): string[] {
  return [
    '# Connections and requests under way, as counts. Whoever reaches the port may read it.',
    'server {',
    ...indent([
      `listen ${stats.host === null ? stats.port : addressText(stats)};`,
      'access_log off;',
      'location = / { stub_status; }',
      'location / { return 404; }',
    ]),
    '}',
  ];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `    ${line}`));
}

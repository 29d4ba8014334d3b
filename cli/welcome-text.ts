// What a person needs once a cluster is up: where it is, who may use it, and lines to paste for the clients that people have.
// Pure. the e2e suite `clients` runs these very lines.

export interface WelcomeProps {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** " --data DIR" when the cluster does not lie where commands look first; else ''. */
  readonly dataOption: string;
  readonly zone: string;
  readonly attached: boolean;
}

export interface ClientRecipe {
  readonly client: string;
  /** Shell lines, or program text for an SDK. */
  readonly lines: readonly string[];
}

export function welcomeText(props: WelcomeProps): string {
  const { endpoint, accessKeyId, secretAccessKey, dataOption } = props;
  const ashlar = (line: string) => `npx ashlar ${line}${dataOption}`;
  const recipes = clientRecipes(props).flatMap(({ client, lines }) => [
    client,
    ...lines.map((line) => `  ${line}`),
    '',
  ]);
  return [
    `  endpoint    ${endpoint}   (path-style addresses, region ${props.region})`,
    `  access key  ${accessKeyId}`,
    `  secret key  ${secretAccessKey}`,
    '',
    ...recipes,
    'Lose something, and look',
    `  ${ashlar(`drill kill zone ${props.zone}`)}`,
    `  ${ashlar('status')}`,
    `  ${ashlar(`drill revive zone ${props.zone}`)}`,
    '',
    props.attached ? `Ctrl-C stops the cluster; its data stays.` : `Stop it with: ${ashlar('down')}`,
  ].join('\n');
}

/** Each stands alone: pasted into a fresh shell it works. */
export function clientRecipes(props: WelcomeProps): ClientRecipe[] {
  const { endpoint, region, accessKeyId, secretAccessKey, dataOption } = props;
  const host = endpoint.replace(/^http:\/\//, '');
  // Not AWS_ENDPOINT_URL: the aws cli knows it only since 2.13, and Debian's is older.
  const aws = `aws --endpoint-url ${endpoint} s3`;
  const s3cmd = `s3cmd --no-ssl --host=${host} --host-bucket=${host} --access_key=${accessKeyId} --secret_key=${secretAccessKey}`;
  return [
    {
      client: 'aws cli',
      lines: [
        `eval "$(npx ashlar env${dataOption})"`,
        `${aws} mb s3://photos`,
        `echo hello | ${aws} cp - s3://photos/hello.txt`,
        `${aws} ls s3://photos`,
      ],
    },
    {
      client: 'rclone',
      lines: [
        // rclone 1.60, which Debian 12 has, refuses every endpoint while it is set.
        'unset AWS_CA_BUNDLE',
        'export RCLONE_CONFIG_ASHLAR_TYPE=s3 RCLONE_CONFIG_ASHLAR_PROVIDER=Other',
        `export RCLONE_CONFIG_ASHLAR_ENDPOINT=${endpoint} RCLONE_CONFIG_ASHLAR_REGION=${region}`,
        `export RCLONE_CONFIG_ASHLAR_ACCESS_KEY_ID=${accessKeyId}`,
        `export RCLONE_CONFIG_ASHLAR_SECRET_ACCESS_KEY=${secretAccessKey}`,
        'echo hello | rclone rcat ashlar:backup/hello.txt',
        'rclone ls ashlar:backup',
      ],
    },
    {
      client: 's3cmd',
      lines: [
        `ashlar_s3() { ${s3cmd} "$@"; }`,
        'ashlar_s3 mb s3://logs',
        'echo hello | ashlar_s3 put - s3://logs/hello.txt',
        'ashlar_s3 ls s3://logs',
      ],
    },
    {
      client: 'AWS SDK for JavaScript v3',
      lines: [
        'const s3 = new S3Client({',
        `  endpoint: '${endpoint}', region: '${region}', forcePathStyle: true,`,
        `  credentials: { accessKeyId: '${accessKeyId}', secretAccessKey: '${secretAccessKey}' },`,
        '});',
      ],
    },
  ];
}

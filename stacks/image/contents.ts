// What an image says about itself, and how that is proven: the digest of what was laid into it, labels that carry version,
// revision and digest, and a signature over exactly these three. Pure, but for reading the files that are digested.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError } from './errors.ts';

export interface ImageFacts {
  /** Of package.json. */
  readonly version: string;
  /** Of git; with "-dirty" when the sources differ from it; "unknown" outside a repository. */
  readonly revision: string;
  /** Of /opt/ashlar in the image: "sha256:…". */
  readonly contentDigest: string;
}

const LABEL = {
  version: 'org.opencontainers.image.version',
  revision: 'org.opencontainers.image.revision',
  content: 'ashlar.content-digest',
  signature: 'ashlar.signature',
} as const;

/** signature: base64, of signFacts; null leaves it out. */
export function imageLabels(facts: ImageFacts, created: string | null, signature: string | null) {
  return {
    'org.opencontainers.image.title': 'ashlar',
    'org.opencontainers.image.description': 'Ashlar storage node: S3, erasure-coded over zones',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    ...(created === null ? {} : { 'org.opencontainers.image.created': created }),
    [LABEL.version]: facts.version,
    [LABEL.revision]: facts.revision,
    [LABEL.content]: facts.contentDigest,
    ...(signature === null ? {} : { [LABEL.signature]: signature }),
  };
}

export interface LabelledFacts extends ImageFacts {
  readonly signature: string | null;
}

/** null when these are not the labels of an Ashlar image. */
export function factsOfLabels(labels: Readonly<Record<string, string>> | null): LabelledFacts | null {
  const [version, revision, contentDigest] = [LABEL.version, LABEL.revision, LABEL.content].map(
    (name) => labels?.[name],
  );
  if (version === undefined || revision === undefined || contentDigest === undefined) return null;
  return { version, revision, contentDigest, signature: labels?.[LABEL.signature] ?? null };
}

/** pem: an Ed25519 private key (PKCS #8, as `openssl genpkey -algorithm ed25519` makes it). Returns base64. */
export function signFacts(facts: ImageFacts, pem: string): string {
  return sign(
    null,
    signedText(facts),
    ed25519(() => createPrivateKey(pem), 'private'),
  ).toString('base64');
}

/** pem: the public key. */
export function isSignedBy(facts: ImageFacts, signature: string, pem: string): boolean {
  const key = ed25519(() => createPublicKey(pem), 'public');
  return verify(null, signedText(facts), key, Buffer.from(signature, 'base64'));
}

/** The paths, sizes and bytes of all files below, in the order of their paths; not modes, owners and times. */
export function digestOfDirectory(directory: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort((a, b) => (a < b ? -1 : 1));
  for (const path of files) {
    const bytes = readFileSync(join(directory, path));
    hash.update(`${JSON.stringify(path)} ${bytes.length}\n`).update(bytes);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** The first line says what the signature is for, so that one of something else never fits. */
function signedText({ version, revision, contentDigest }: ImageFacts): Buffer {
  return Buffer.from(['ashlar image 1', version, revision, contentDigest, ''].join('\n'));
}

function ed25519(read: () => KeyObject, part: 'private' | 'public'): KeyObject {
  const remedy =
    part === 'private'
      ? 'make one with: openssl genpkey -algorithm ed25519 -out key.pem'
      : 'take it from the private one with: openssl pkey -in key.pem -pubout -out public.pem';
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new ImageError('input', `the key is no ${part} key in PEM form; ${remedy}`);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new ImageError('input', `the key is of type ${key.asymmetricKeyType}, and not Ed25519; ${remedy}`);
}

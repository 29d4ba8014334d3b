// The steps of a multipart upload, for tests that are about something else.
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

export const PART_BYTES_MIN = 5 * 1024 ** 2;

/** A new upload's id. */
export async function begin(
  client: S3Client,
  Bucket: string,
  Key: string,
  options: Partial<CreateMultipartUploadCommandInput> = {},
): Promise<string> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...options }));
  return UploadId!;
}

/** Uploads the bodies as parts 1, 2, … and says what CompleteMultipartUpload needs. */
export async function sendParts(
  client: S3Client,
  Bucket: string,
  Key: string,
  UploadId: string,
  bodies: readonly (Uint8Array | string)[],
): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = [];
  for (const [index, Body] of bodies.entries()) {
    const PartNumber = index + 1;
    const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    parts.push({ PartNumber, ETag });
  }
  return parts;
}

/** A whole multipart upload; gives the object's tag. */
export async function uploadParts(
  client: S3Client,
  Bucket: string,
  Key: string,
  bodies: readonly (Uint8Array | string)[],
): Promise<string> {
  const UploadId = await begin(client, Bucket, Key);
  const Parts = await sendParts(client, Bucket, Key, UploadId, bodies);
  const done = await client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  );
  return done.ETag!;
}

export function completeXml(parts: readonly { partNumber: number | string; etag: string }[]): string {
  const elements = parts.map(
    ({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${elements.join('')}</CompleteMultipartUpload>`;
}

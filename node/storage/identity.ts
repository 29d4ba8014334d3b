// Whose drive this is: one small file, written last when a drive is formatted and read before anything else. Looks at a
// directory and says what it is; never writes over anything.
import { FormatError, format, hex, optional, text } from '../format/codec.ts';
import { type Disk, DiskError } from '../io/disk.ts';
import type { DriveIdentity } from './drive-store.ts';
import { readWhole, writeWhole } from './files.ts';
import { HARMLESS_NAMES, IDENTITY_DRAFT_FILE, IDENTITY_FILE, LOG_DIRECTORY } from './names.ts';
import { seal, unseal } from './sealed.ts';

const DRIVE_MAGIC = 'ASHLRDRV';
const LOG_DEVICE_MAGIC = 'ASHLRWAL';

/** The version of this format is the version of the whole drive: it changes whenever any format on it does. */
export const DRIVE_IDENTITY = format('drive identity', 1, {
  clusterId: [hex(16), 'the cluster the drive belongs to'],
  driveId: [hex(16), 'drawn when the drive was formatted'],
  slot: [text, 'the place of the drive, "node/drive"'],
  logId: [optional(hex(16)), 'the log device that belongs to the drive; absent when the log lies on the drive'],
});

export const LOG_DEVICE_IDENTITY = format('log device identity', 1, {
  clusterId: [hex(16), 'the cluster the drive belongs to'],
  driveId: [hex(16), 'the drive whose log this is'],
  slot: [text, 'the place of that drive'],
  logId: [hex(16), 'drawn when the two were formatted together'],
});

export interface StoredIdentity extends DriveIdentity {
  readonly logId: string | null;
}

export type RefusalCode =
  | 'not-found' // there is no such directory
  | 'not-a-directory'
  | 'unreadable' // the disk answers with errors
  | 'foreign-files' // somebody else's files, and no identity
  | 'identity-corrupt'
  | 'version-unknown' // formatted by another version of the program
  | 'in-use' // another process has it open
  | 'log-missing' // its log device was not given, or holds nothing
  | 'log-foreign' // the log device belongs to another drive
  | 'log-unexpected' // a log device was given, but its log lies on the drive
  | 'log-lost' // the log is older than the index, or lacks files: acknowledged writes are gone
  | 'log-corrupt' // a damaged record with good ones after it
  | 'index-lost' // the log goes on from an index that is not there
  | 'index-corrupt';

/** Why a drive cannot be used. The message names the drive, what is wrong and what to do. */
export class DriveRefusal extends Error {
  override readonly name = 'DriveRefusal';
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** null: blank, may be formatted. Throws DriveRefusal. */
export async function readIdentity(disk: Disk): Promise<StoredIdentity | null> {
  const names = await listRoot(disk);
  if (!names.includes(IDENTITY_FILE)) {
    const foreign = names.filter((name) => !HARMLESS_NAMES.includes(name));
    if (foreign.length === 0) return null;
    throw new DriveRefusal(
      'foreign-files',
      `${disk.name} holds files that are not a drive's (${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ', …' : ''}) ` +
        'and has no identity; give an empty directory, or move the files away',
    );
  }
  return decodeIdentity(disk, await readIdentityFile(disk), DRIVE_MAGIC, DRIVE_IDENTITY.decode);
}

/** Whose log device this is; null for what is none, or cannot be told to be one. Rejects with DiskError. */
export async function readLogIdentity(disk: Disk): Promise<{ readonly driveId: string; readonly slot: string } | null> {
  if (!(await disk.list('')).includes(IDENTITY_FILE)) return null;
  try {
    return LOG_DEVICE_IDENTITY.decode(unseal(LOG_DEVICE_MAGIC, await readWhole(disk, IDENTITY_FILE)));
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Finds that the log device is this drive's. Throws DriveRefusal. */
export async function checkLogDevice(disk: Disk, identity: StoredIdentity, log: Disk | null): Promise<void> {
  if (identity.logId === null) {
    if (log === null) return;
    throw new DriveRefusal(
      'log-unexpected',
      `${disk.name} (${identity.slot}) keeps its log on the drive itself, but ${log.name} was given as its log device; ` +
        'remove that setting, or format the drive anew',
    );
  }
  if (log === null) {
    throw new DriveRefusal(
      'log-missing',
      `${disk.name} (${identity.slot}) needs the log device it was formatted with; name it`,
    );
  }
  if (!(await listRoot(log)).includes(IDENTITY_FILE)) {
    throw new DriveRefusal(
      'log-missing',
      `${log.name} is not the log device of ${disk.name} (${identity.slot}): it has no identity; is it mounted?`,
    );
  }
  const found = decodeIdentity(log, await readIdentityFile(log), LOG_DEVICE_MAGIC, LOG_DEVICE_IDENTITY.decode);
  if (found.logId === identity.logId && found.driveId === identity.driveId) return;
  throw new DriveRefusal(
    'log-foreign',
    `${log.name} is the log device of drive ${found.slot} (${found.driveId}), not of ${identity.slot} (${identity.driveId})`,
  );
}

/** Onto a blank drive only. The drive's own identity comes last: until it is there, nothing has been formatted. */
export async function writeIdentity(disk: Disk, log: Disk | null, identity: StoredIdentity): Promise<void> {
  if ((await readIdentity(disk)) !== null) {
    throw new DriveRefusal('foreign-files', `${disk.name} is formatted already; nothing is written over it`);
  }
  if (log !== null && identity.logId !== null) {
    await assertUnusedLogDevice(log);
    const { clusterId, driveId, slot, logId } = identity;
    await writeIdentityFile(
      log,
      seal(LOG_DEVICE_MAGIC, LOG_DEVICE_IDENTITY.encode({ clusterId, driveId, slot, logId })),
    );
  }
  await writeIdentityFile(disk, seal(DRIVE_MAGIC, DRIVE_IDENTITY.encode(identity)));
}

/** An identity without a log is what a crash while formatting leaves: no drive was ever used with it. */
async function assertUnusedLogDevice(log: Disk): Promise<void> {
  const allowed = [...HARMLESS_NAMES, IDENTITY_FILE, LOG_DIRECTORY];
  const names = await listRoot(log);
  const foreign = names.filter((name) => !allowed.includes(name));
  if (names.includes(LOG_DIRECTORY)) foreign.push(...(await log.list(LOG_DIRECTORY)));
  if (foreign.length === 0) return;
  throw new DriveRefusal(
    'foreign-files',
    `${log.name} cannot become a log device: it holds ${foreign.slice(0, 3).join(', ')}; give an empty directory`,
  );
}

async function listRoot(disk: Disk): Promise<string[]> {
  try {
    return await disk.list('');
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    if (error.kind === 'not-found') throw new DriveRefusal('not-found', `${disk.name} does not exist; is it mounted?`);
    if (error.kind === 'not-a-directory') {
      throw new DriveRefusal('not-a-directory', `${disk.name} is not a directory; a drive is a directory`);
    }
    throw unreadable(disk, error);
  }
}

async function readIdentityFile(disk: Disk): Promise<Buffer> {
  try {
    return await readWhole(disk, IDENTITY_FILE);
  } catch (error) {
    if (error instanceof DiskError) throw unreadable(disk, error);
    throw error;
  }
}

function decodeIdentity<T>(disk: Disk, input: Buffer, magic: string, decode: (payload: Buffer) => T): T {
  try {
    const payload = unseal(magic, input);
    // The checksum held, so this is what some version of the program wrote.
    if (payload[0] !== DRIVE_IDENTITY.version) {
      throw new DriveRefusal(
        'version-unknown',
        `${disk.name} was formatted as version ${payload[0]}; this program knows version ${DRIVE_IDENTITY.version}`,
      );
    }
    return decode(payload);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new DriveRefusal(
      'identity-corrupt',
      `${disk.name}: the identity file is damaged (${error.message}); the drive must be replaced or formatted anew`,
      { cause: error },
    );
  }
}

async function writeIdentityFile(disk: Disk, content: Buffer): Promise<void> {
  await writeWhole(disk, IDENTITY_DRAFT_FILE, content);
  await disk.rename(IDENTITY_DRAFT_FILE, IDENTITY_FILE);
  await disk.syncDirectory('');
}

function unreadable(disk: Disk, error: DiskError): DriveRefusal {
  return new DriveRefusal('unreadable', `${disk.name} cannot be read: ${error.message}`, { cause: error });
}

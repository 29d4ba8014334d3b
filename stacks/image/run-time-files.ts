// Which files of installed packages a running node needs. What is left out: types, source maps, documents, sources of what was
// compiled, and binaries for other systems. Licenses stay.

const NEEDLESS_ENDING = /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|c|cc|cpp|h|gyp|gypi|yml|yaml)$/;
const NEEDLESS_FILE = /(^|\/)(\.[^/]+|tsconfig[^/]*\.json|[^/]*\.test\.[cm]?js|test\.[cm]?js)$/;
const NEEDLESS_DIRECTORY = /(^|\/)(test|tests|__tests__|benchmark|benchmarks|bench|docs|doc|examples?|\.github|man)\//;
/** Sources of packages that ship them beside what was built from them. */
const SOURCE_DIRECTORY = /^(lmdb\/(dependencies|src)|zod\/src)\//;
/** Prebuilt binaries say what they are for: one that goes by Node-API and glibc is the one that the image's Node loads. */
const FOREIGN_BINARY = /\/node\.(?!napi\.glibc\.node$)[a-z0-9.]+\.node$/;
const LICENSE = /(^|\/)(licen[cs]e|copying|notice|copyright)[^/]*$/i;

/** path: below node_modules, for instance "zod/index.js". */
export function isRunTimeFile(path: string): boolean {
  if (FOREIGN_BINARY.test(path)) return false;
  if (LICENSE.test(path)) return true;
  const needless = [NEEDLESS_ENDING, NEEDLESS_FILE, NEEDLESS_DIRECTORY, SOURCE_DIRECTORY];
  return !needless.some((pattern) => pattern.test(path));
}

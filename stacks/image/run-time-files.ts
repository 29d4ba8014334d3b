// Which files of installed packages a running node needs. What is left out: types, source maps, documents, and sources of what was
// compiled. Licenses stay.

const NEEDLESS_ENDING = /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|c|cc|cpp|h|gyp|gypi|yml|yaml)$/;
const NEEDLESS_FILE = /(^|\/)(\.[^/]+|tsconfig[^/]*\.json|[^/]*\.test\.[cm]?js|test\.[cm]?js)$/;
const NEEDLESS_DIRECTORY = /(^|\/)(test|tests|__tests__|benchmark|benchmarks|bench|docs|doc|examples?|\.github|man)\//;
/** Sources of packages that ship them beside what was built from them. */
const SOURCE_DIRECTORY = /^zod\/src\//;
const LICENSE = /(^|\/)(licen[cs]e|copying|notice|copyright)[^/]*$/i;

/** path: below node_modules, for instance "zod/index.js". */
export function isRunTimeFile(path: string): boolean {
  if (LICENSE.test(path)) return true;
  const needless = [NEEDLESS_ENDING, NEEDLESS_FILE, NEEDLESS_DIRECTORY, SOURCE_DIRECTORY];
  return !needless.some((pattern) => pattern.test(path));
}

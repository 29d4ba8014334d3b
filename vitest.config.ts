import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,property,golden,simulation,s3,local}/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Packages are imported as Node itself imports them.
    deps: { interopDefault: false },
  },
});

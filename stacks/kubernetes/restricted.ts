// What every pod of ours is denied: the restricted Pod Security Standard, and a root file system that it cannot write to. Pure.

/** Of a pod, whose processes and volumes belong to this user. */
export function restrictedPod(userId: number): object {
  return {
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    fsGroup: userId,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Of each of its containers. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
} as const;

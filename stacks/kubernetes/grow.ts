// Growing volumes in place: the claims ask for more, and the storage class gives it. What made the claims stays as it was. Pure.
import type { Plan } from '../../plan/plan.ts';
import { KubernetesError } from './errors.ts';
import { claimName, claimTemplateName } from './names.ts';
import { bytesQuantity, quantityValue } from './quantity.ts';
import type { KubernetesSettings } from './settings.ts';
import { driveBytes } from './volumes.ts';

/** As `kubectl get pvc -o json` prints it. */
export interface Claim {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
}

export interface Growth {
  readonly claim: string;
  readonly from: string;
  readonly to: string;
}

/** Throws KubernetesError where volumes are not a storage class's to grow. Claims that are not there yet are made later, and grown then. */
export function growthsOf(plan: Plan, settings: KubernetesSettings, claims: readonly Claim[]): Growth[] {
  if (settings.volumes.kind === 'local') {
    throw new KubernetesError('input', 'local volumes are as large as their drives; nothing has to be grown');
  }
  return plan.nodes.flatMap((node) =>
    node.drives.flatMap((drive) => {
      const name = claimName(plan, node, claimTemplateName(drive));
      const from = claims.find(({ metadata }) => metadata.name === name)?.spec.resources?.requests?.storage;
      const wantedBytes = driveBytes(drive, settings);
      if (from === undefined || wantedBytes === null || (quantityValue(from) ?? wantedBytes) >= wantedBytes) return [];
      return [{ claim: name, from, to: bytesQuantity(wantedBytes) }];
    }),
  );
}

// IPv4 subnets as text, as far as an overlay network needs them.

/** 2^32 has no room in the 32 bits of the operators, so addresses are plain numbers. */
function addressNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The first address that a host may have, which is what Docker would choose. */
export function gatewayOf(subnet: string): string {
  return addressText(addressNumber(subnet.split('/')[0]!) + 1);
}

/** Addresses beside those of the network, of broadcasts and of the gateway. */
export function hostsIn(subnet: string): number {
  return Math.max(0, 2 ** (32 - Number(subnet.split('/')[1])) - 3);
}

/** A sentence; null when the subnet is one. */
export function problemWithSubnet(subnet: string): string | null {
  const [address, bits] = subnet.split('/') as [string, string];
  const width = Number(bits);
  if (address.split('.').some((part) => Number(part) > 255) || width > 30 || width < 8)
    return `${subnet} is no subnet for a network; write for instance 10.86.0.0/24`;
  const size = 2 ** (32 - width);
  const start = addressNumber(address) - (addressNumber(address) % size);
  if (start === addressNumber(address)) return null;
  return `${subnet} is an address within a subnet; write ${addressText(start)}/${bits}`;
}

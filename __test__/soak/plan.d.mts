export function judge(id: string, state: unknown, acked: number, begun: number): string | undefined
export function isDelete(number: number): boolean

export declare const KINDS: string[]
export declare function compileShim(dir: string, below: string): Record<string, string>

export interface Page {
  messages: string[]
  dialogs: string[]
  requests: string[]
  go(url: string): Promise<void>
  // biome-ignore lint/suspicious/noExplicitAny: whatever an expression comes to
  run(expression: string): Promise<any>
  until(expression: string, wait?: number): Promise<void>
  press(key: string): Promise<void>
  type(text: string): Promise<void>
  show(window?: { width?: number; height?: number; dark?: boolean }): Promise<void>
  screenshot(): Promise<Buffer>
  close(): Promise<void>
}

export interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}

export declare function findChromium(): string | undefined
export declare function startChromium(options?: { command?: string; hosts?: string[] }): Promise<Browser>

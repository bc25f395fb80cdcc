/** A native package: installed for the user's platform only, so that its types come from the generated file. */
declare module '@andresaya/flowkit-storage-*' {
  const binding: typeof import('../binding.js')
  export = binding
}

// The targets of a release that can be built and tested on one Linux machine, and what each needs for that.

/**
 * - `native`: the package in `npm/`, and the name of the addon in it.
 * - `triple`: as Rust names the target; `zig` adds the oldest glibc that it has to run with.
 * - `wheel`: the platform tag of the Node.js that it is tested with.
 * - `machine`: where that Node.js runs (`scripts/cross/machines.mjs`). Without one it is only compiled.
 */
export const TARGETS = [
  {
    native: 'linux-x64-gnu',
    triple: 'x86_64-unknown-linux-gnu',
    zig: 'x86_64-unknown-linux-gnu.2.17',
    wheel: 'manylinux_2_28_x86_64',
    machine: 'host',
  },
  {
    native: 'linux-x64-musl',
    triple: 'x86_64-unknown-linux-musl',
    wheel: 'musllinux_1_2_x86_64',
    machine: 'chroot',
    packages: ['musl:amd64'],
  },
  {
    native: 'linux-arm64-gnu',
    triple: 'aarch64-unknown-linux-gnu',
    zig: 'aarch64-unknown-linux-gnu.2.17',
    wheel: 'manylinux_2_28_aarch64',
    machine: 'chroot',
    packages: ['libstdc++6:arm64', 'qemu-user'],
    emulator: 'qemu-aarch64',
  },
  {
    native: 'linux-arm64-musl',
    triple: 'aarch64-unknown-linux-musl',
    wheel: 'musllinux_1_2_aarch64',
    machine: 'chroot',
    packages: ['musl:arm64', 'qemu-user'],
    emulator: 'qemu-aarch64',
  },
  {
    native: 'win32-x64-msvc',
    // A twin: the libraries of Microsoft's ABI are not to be had. The code and the system calls are the same.
    triple: 'x86_64-pc-windows-gnu',
    wheel: 'win_amd64',
    machine: 'wine',
    packages: ['wine64'],
  },
  { native: 'darwin-arm64', triple: 'aarch64-apple-darwin' },
]

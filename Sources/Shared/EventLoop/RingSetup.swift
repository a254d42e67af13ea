internal import CLiburing
internal import CLinux

/// Makes an io_uring as the loop wants it: one issuer, deferred task work, its own number registered.
package enum RingSetup {
    /// Oldest kernel that has all the loop uses: multishot receive, deferred task work, ring messages, buffer rings.
    static let kernelMajorMin = 6
    static let kernelMinorMin = 1

    private static let flags: UInt32 =
        UInt32(IORING_SETUP_SINGLE_ISSUER) | UInt32(IORING_SETUP_DEFER_TASKRUN) | UInt32(IORING_SETUP_CQSIZE)
        | UInt32(IORING_SETUP_SUBMIT_ALL) | UInt32(IORING_SETUP_CLAMP)
    private static let features: UInt32 =
        UInt32(IORING_FEAT_NODROP) | UInt32(IORING_FEAT_EXT_ARG) | UInt32(IORING_FEAT_CQE_SKIP)
        | UInt32(IORING_FEAT_SUBMIT_STABLE)

    /// Fills `ring`; the calling thread becomes its only issuer. On a throw nothing is left behind.
    static func open(
        _ ring: UnsafeMutablePointer<io_uring>, configuration: ShellConfiguration
    ) throws(ShellFault) {
        guard kernelIsNewEnough() else { throw ShellFault(call: .kernelVersion, error: 0) }
        var parameters = io_uring_params()
        parameters.flags = flags
        parameters.cq_entries = configuration.completionEntries
        let made = io_uring_queue_init_params(configuration.submissionEntries, ring, &parameters)
        guard made == 0 else { throw ShellFault(call: .setup, error: -made) }
        guard parameters.features & features == features else {
            io_uring_queue_exit(ring)
            throw ShellFault(call: .features, error: 0)
        }
        // A filter may let the ring be made and forbid to enter it.
        let entered = culvert_enter(ring, 0, 0, -1)
        guard entered >= 0 else {
            io_uring_queue_exit(ring)
            throw ShellFault(call: .enter, error: -entered)
        }
    }

    /// Throws when this host refuses the ring. Leaves nothing behind.
    static func probe() throws(ShellFault) {
        var ring = io_uring()
        let buffers = BufferGeometry(base: 0, strideBytes: 1, headroomBytes: 0, payloadBytes: 1, count: 1)
        var configuration = ShellConfiguration(buffers: buffers)
        configuration.submissionEntries = 8
        configuration.completionEntries = 16
        try open(&ring, configuration: configuration)
        io_uring_queue_exit(&ring)
    }

    /// True when `uname` says 6.1 or newer.
    static func kernelIsNewEnough() -> Bool {
        var name = utsname()
        guard uname(&name) == 0 else { return false }
        let release = withUnsafeBytes(of: &name.release) { Array($0.prefix { $0 != 0 }) }
        return isNewEnough(release: release)
    }

    /// Judges a release text such as "6.1.0-18-amd64".
    package static func isNewEnough(release: [UInt8]) -> Bool {
        var numbers: [Int] = []
        for part in release.split(separator: UInt8(ascii: "."), maxSplits: 2) {
            let digits = part.prefix { $0 >= 0x30 && $0 <= 0x39 }
            numbers.append(digits.prefix(4).reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        guard numbers.count >= 2 else { return false }
        return numbers[0] > kernelMajorMin || (numbers[0] == kernelMajorMin && numbers[1] >= kernelMinorMin)
    }
}

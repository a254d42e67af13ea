import CLinux
import EventLoop
import Testing

@Suite struct ShellFaultTests {
    @Test func aRefusalNamesCauseAndRemedy() {
        let text = ShellFault(call: .setup, error: EPERM).description
        for part in ["io_uring_setup", "seccomp", "io_uring_disabled", "--io poll", "error 1"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    @Test func anOldKernelIsNamed() {
        #expect(ShellFault(call: .kernelVersion, error: 0).description.contains("6.1"))
        #expect(ShellFault(call: .setup, error: EINVAL).description.contains("6.1"))
        #expect(ShellFault(call: .setup, error: ENOSYS).description.contains("no io_uring"))
        #expect(ShellFault(call: .setup, error: EMFILE).description.contains("ulimit -n"))
        #expect(ShellFault(call: .registerBuffers, error: ENOMEM).description.contains("ulimit -l"))
    }

    @Test(arguments: [
        ("6.1.0-18-amd64", true), ("6.1", true), ("6.10.2", true), ("7.0.0-rc1", true), ("10.2.3", true),
        ("6.0.19", false), ("5.15.0-91-generic", false), ("4.18.0", false), ("6", false), ("", false),
        ("six.one", false),
    ])
    func releasesAreJudged(release: String, isNewEnough: Bool) {
        #expect(RingSetup.isNewEnough(release: Array(release.utf8)) == isNewEnough)
    }

    @Test func choosing() throws {
        #expect(try Shell.choose(.poll).choice == .poll)
        #expect(try Shell.choose(.ring).choice == .ring)
        #expect(try Shell.choose(.auto).notice == nil)
    }
}

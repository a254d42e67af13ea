import CLinux
import EventLoop
import Operations
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

@Suite struct OperationMemoryTests {
    /// The rooms for kernel structs are where the shell believes them to be.
    @Test func roomsAreWhereTheyAre() {
        #expect(MemoryLayout<SendVector>.offset(of: \.header) == 0)
        #expect(MemoryLayout<SendVector>.offset(of: \.ranges) == Int(MemoryRooms.vectorRanges))
        #expect(MemoryLayout<SendRange>.stride == MemoryLayout<iovec>.stride)
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.header) == 0)
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.range) == Int(MemoryRooms.messageRange))
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.control) == Int(MemoryRooms.messageControl))
        #expect(MemoryLayout<DescriptorMessage>.offset(of: \.descriptors) == Int(MemoryRooms.messageDescriptors))
        #expect(MemoryLayout<DialAddress>.offset(of: \.path) == Int(MemoryRooms.dialPath))
        #expect(MemoryLayout<DialAddress>.offset(of: \.storage) == Int(MemoryRooms.dialStorage))
        #expect(MemoryLayout<msghdr>.size <= 64)
        #expect(MemoryLayout<sockaddr_un>.size <= 128)
    }

    @Test func controlBytesAreTheKernels() {
        for count in UInt32(1)...32 {
            #expect(MemoryRooms.controlBytes(descriptors: count) == culvert_control_space(count))
        }
        #expect(MemoryRooms.controlBytes(descriptors: 0) == 0)
        #expect(MemoryRooms.controlBytesMax == culvert_control_space(32))
    }
}

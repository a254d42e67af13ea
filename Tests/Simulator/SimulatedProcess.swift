import CLinux

/// A process of the simulated world: descriptors, mapped files, and one port per worker.
package final class SimulatedProcess {
    package let host: SimulatedHost
    let kernel: SimulatedKernel
    package internal(set) var ports: [SimulatedPort] = []
    private var files: [OpenFile?] = []
    /// Mapped files: where they were mapped, and how long they are.
    private var maps: [UInt: Int] = [:]
    /// The numbers that a real process has open from its start.
    private static let firstDescriptor = 3

    init(kernel: SimulatedKernel, host: SimulatedHost) {
        self.kernel = kernel
        self.host = host
    }

    /// Its connections to a host.
    func connections(to host: SimulatedHost) -> [SimulatedSocket] {
        files.compactMap { $0?.socket }.filter { $0.phase == .connected && $0.peer?.host === host }
    }

    // MARK: - What another process would hand over

    /// A socket that listens.
    package func listen(at address: SimulatedAddress, backlog: Int) -> Int32 {
        let socket = kernel.makeSocket(on: host, isUnix: address.isUnix)
        kernel.listen(socket, at: address, backlog: backlog)
        return install(OpenFile(.socket(socket)))
    }

    /// A socket that receives datagrams at `address`.
    package func bindDatagram(at address: SimulatedAddress) -> Int32 {
        let socket = kernel.makeSocket(on: host, isUnix: false, isDatagram: true)
        kernel.bind(socket, at: address)
        return install(OpenFile(.socket(socket)))
    }

    /// Two connected Unix sockets.
    package func makePair() -> (left: Int32, right: Int32) {
        let (left, right) = kernel.makePair(on: host)
        return (install(OpenFile(.socket(left))), install(OpenFile(.socket(right))))
    }

    /// Two connected Unix sockets, the second in another process of the same host.
    package func makePair(with other: SimulatedProcess) -> (here: Int32, there: Int32) {
        precondition(other.host === host)
        let (left, right) = kernel.makePair(on: host)
        return (install(OpenFile(.socket(left))), other.install(OpenFile(.socket(right))))
    }

    /// A file to map.
    package func makeFile(_ bytes: [UInt8]) -> Int32 { install(OpenFile(.bytes(bytes))) }

    /// The same open file, in another process.
    package func pass(_ descriptor: Int32, to other: SimulatedProcess) -> Int32 {
        guard let file = file(descriptor) else { preconditionFailure("no such descriptor") }
        return other.install(file)
    }

    /// Descriptors that are open.
    package var openCount: Int { files.count { $0 != nil } }
    /// Files that are mapped.
    package var mappedCount: Int { maps.count }

    /// Ends the process at once, as SIGKILL does: its descriptors are closed, nothing reaches its workers any more.
    package func kill() {
        for port in ports {
            port.isDetached = true
            port.submissions = []
            for waiting in port.pending.values.joined() {
                waiting.socket.reads.removeAll { $0 === waiting.operation }
                waiting.socket.writes.removeAll { $0 === waiting.operation }
            }
            port.pending = [:]
        }
        for descriptor in files.indices where files[descriptor] != nil { _ = close(Int32(descriptor)) }
        for address in Array(maps.keys) { unmap(address, byteCount: maps[address]!) }
    }

    // MARK: - Descriptors

    func file(_ descriptor: Int32) -> OpenFile? {
        guard descriptor >= 0, Int(descriptor) < files.count else { return nil }
        return files[Int(descriptor)]
    }

    /// The lowest free number, as the kernel gives.
    func install(_ file: OpenFile) -> Int32 {
        file.references += 1
        while files.count < SimulatedProcess.firstDescriptor { files.append(nil) }
        for index in SimulatedProcess.firstDescriptor..<files.count where files[index] == nil {
            files[index] = file
            return Int32(index)
        }
        files.append(file)
        return Int32(files.count - 1)
    }

    /// 0 or a negative error number. The file is closed with its last descriptor.
    func close(_ descriptor: Int32) -> Int32 {
        guard let file = file(descriptor) else { return -EBADF }
        files[Int(descriptor)] = nil
        kernel.release(file)
        return 0
    }

    // MARK: - Mapped files

    func map(_ bytes: [UInt8]) -> UInt {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 4_096)
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        maps[UInt(bitPattern: memory)] = bytes.count
        return UInt(bitPattern: memory)
    }

    /// False when nothing of this length is mapped there.
    @discardableResult
    func unmap(_ address: UInt, byteCount: Int) -> Bool {
        guard maps[address] == byteCount else { return false }
        maps[address] = nil
        UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        return true
    }
}

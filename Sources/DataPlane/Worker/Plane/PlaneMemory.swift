import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Memory of the plane link's operations in flight.
final class PlaneMemory {
    static let receiveBytes = 65_536

    let receiveMessage = UnsafeMutablePointer<DescriptorMessage>.allocate(capacity: 1)
    let sendMessage = UnsafeMutablePointer<DescriptorMessage>.allocate(capacity: 1)
    let receiveBuffer = UnsafeMutableRawPointer.allocate(byteCount: receiveBytes, alignment: 16)
    let dial = UnsafeMutablePointer<DialAddress>.allocate(capacity: 1)
    let mapped = UnsafeMutablePointer<MappedFile>.allocate(capacity: 1)
    /// What is being sent, and how far.
    var sendCount = 0
    var sent = 0
    var sendBuffer: UnsafeMutableRawPointer?
    var sendDescriptor: Int32?
    var isSending = false
    var descriptor: Int32 = -1
    /// Tells this connection's completions from those of the one before.
    var generation: UInt32 = 0
    /// Operations in flight on the present descriptor.
    var inFlight = 0
    var isClosing = false
    /// The table that is being mapped, if one is, with its generation.
    var mapping: (kind: RouteTableKind, generation: UInt64)?
    /// What came behind a table that is being mapped, in order.
    var updates: [RouteUpdate] = []
    /// Tables replaced, with the generation that every worker must have seen before they are unmapped.
    var retired: [(address: UInt, byteCount: UInt64, generation: UInt64)] = []
    /// The tables in use.
    private var claims: Mapping?
    private var rules: Mapping?

    typealias Mapping = (address: UInt, byteCount: UInt64)

    init() {
        receiveMessage.initialize(to: DescriptorMessage())
        sendMessage.initialize(to: DescriptorMessage())
        dial.initialize(to: DialAddress())
        mapped.initialize(to: MappedFile())
    }

    /// A table is in use from `generation` on; what it replaces is retired.
    func replace(_ kind: RouteTableKind, by table: Mapping, _ generation: UInt64) {
        let old = [kind != .rules ? claims : nil, kind != .claims ? rules : nil]
        for case let old? in old { retired.append((old.address, old.byteCount, generation)) }
        if kind != .rules { claims = table }
        if kind != .claims { rules = kind == .rules ? table : nil }
    }

    deinit {
        receiveMessage.deallocate()
        sendMessage.deallocate()
        receiveBuffer.deallocate()
        dial.deallocate()
        mapped.deallocate()
        sendBuffer?.deallocate()
    }
}

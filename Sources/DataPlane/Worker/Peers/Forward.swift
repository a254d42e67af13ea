import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A stream that was opened at another data plane and is not accepted there yet: all it takes to open it elsewhere.
struct Forward: BitwiseCopyable {
    /// Candidates of one visitor's request.
    static var candidatesMax: Int { 3 }
    /// How often a data plane may send a stream on to another of its workers: connectors come and go meanwhile.
    static var redirectsMax: Int { 2 }

    var header: ForwardHeader
    /// Peers that were tried, the present one included.
    var tried = InlineArray<3, UInt16>(repeating: .max)
    var triedCount: UInt8 = 0
    var redirects: UInt8 = 0
    /// The worker that it was sent on to and that has no link yet; `.max`: none.
    var awaitedWorker: UInt8 = .max
    /// Another node forwarded it to this one: only this node's data planes are candidates.
    let staysInNode: Bool

    init(_ header: ForwardHeader, staysInNode: Bool = false) {
        self.header = header
        self.staysInNode = staysInNode
    }

    mutating func add(_ peer: UInt16) {
        tried[Int(triedCount)] = peer
        triedCount += 1
    }

    func hasTried(_ peer: UInt16) -> Bool {
        for place in 0..<Int(triedCount) where tried[place] == peer { return true }
        return false
    }

    var mayTryMore: Bool { Int(triedCount) < Forward.candidatesMax }
}

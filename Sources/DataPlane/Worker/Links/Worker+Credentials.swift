import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Credentials of tunnel clients and relay visitors (protocol tunnel-server §3). Wrong ones cost their source time and
// nobody else anything: the refusal is kept back, longer with every failure, and a source that has many such refusals
// waiting is not judged at all until some are out, so that guessing side by side gains nothing. Right ones never wait.

extension Worker {
    /// Whether the service lets this request in. If not, the link is refused, now or a little later.
    mutating func admits(_ linkSlot: UInt32, _ service: NodeTable.Service, _ request: RelayRequest) -> Bool {
        guard let credentials = service.credentials, !links[linkSlot].pointee.visit.isForwarded else { return true }
        let source = links[linkSlot].pointee.source
        guard failedLogins.pending(source) < Int(limits[.loginsPendingMax]) else {
            refuseRelay(linkSlot, .unauthorized, .loginThrottled)
            return false
        }
        if credentials.admits(user: request.user, password: request.password) { return true }
        keepBackRefusal(linkSlot, failures: failedLogins.failed(source, now: now))
        return false
    }

    /// The link waits for its refusal: nothing is read, nothing is held for it.
    private mutating func keepBackRefusal(_ linkSlot: UInt32, failures: Int) {
        let link = links[linkSlot]
        let longest = limits[.loginDelayMilliseconds]
        let delay = min(longest, (longest / 16) << UInt64(min(failures - 1, 16)))
        link.pointee.phase = .refused
        buffers.clear(&link.pointee.pending)
        wantBytes(link.pointee.socket, false)
        setDeadline(link.pointee.socket, now.advanced(milliseconds: delay))
    }
}

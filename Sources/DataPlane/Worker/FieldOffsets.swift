/// Where fields stand in the elements of the slabs, for whoever gets a raw address of one: the shell, which writes the
/// peer's address, and whoever needs a queue in place. Looked up once, when the worker is made.
struct FieldOffsets {
    let linkPeer = offset(\Link.peer)
    let linkPlain = offset(\Link.plain)
    let socketOut = offset(\Socket.out)
    let visitorPeer = offset(\Visitor.peer)
    let linkWaiting = offset(\Link.visit.waiting)
    let visitorWaiting = offset(\Visitor.waiting)
    let visitPeer = offset(\Visit.peer)

    private static func offset<Root, Value>(_ path: KeyPath<Root, Value>) -> Int {
        guard let offset = MemoryLayout<Root>.offset(of: path) else { preconditionFailure("a field without a place") }
        return offset
    }
}

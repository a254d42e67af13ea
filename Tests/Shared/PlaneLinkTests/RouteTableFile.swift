import Model
import PlaneLink

/// A routing table in memory of the test's own, to be damaged at will. The memory is never given back: views of it
/// may outlive this object.
final class RouteTableFile {
    let memory: UnsafeMutableRawBufferPointer
    private(set) var fileBytes = 0

    init(_ routes: [(ingress: UInt16, host: String, route: Route)], seed: UInt64 = 42, generation: UInt64 = 1) {
        let entries = routes.reduce(0) { $0 + RouteSnapshot.entryBytes(hostBytes: $1.host.utf8.count) }
        let bytes = RouteSnapshot.fileBytes(routes: routes.count, entriesBytes: entries)
        memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var writer = RouteSnapshotWriter(into: memory, routes: routes.count, seed: seed)
        for (ingress, host, route) in routes {
            _ = withHost(host) { writer.add(ingress: IngressIndex(ingress), host: $0, route: route) }
        }
        fileBytes = writer.finish(generation: generation)
    }

    func view() throws -> RouteSnapshotView {
        try RouteSnapshotView(UnsafeRawBufferPointer(rebasing: memory.prefix(fileBytes)))
    }
}

func withHost<Result>(_ host: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var host = host
    return host.withUTF8 { body(UnsafeRawBufferPointer($0)) }
}

func route(_ number: UInt64, isPrivate: Bool = false) -> Route {
    Route(tunnel: TunnelID(high: number, low: ~number), isPrivate: isPrivate)
}

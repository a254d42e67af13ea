package import Model
package import Primitives

/// Which rule of an ingress a host belongs to, in GOST's order (protocol ingress-sd-plugins §2.2): the host itself,
/// then `.host`, then each remainder of the host that begins with one of its dots, from the left.
///
/// Depths at which no wildcard exists are skipped. At each key the overlay's word counts before the table's of
/// claims, and both before the fixed rules'.
package enum RouteLookup {
    /// The route of a host whose name is kept in place, or nil.
    @_noLocks
    package static func resolve(
        ingress: IngressIndex, host: InlineText, tables: RouteTables, overlay: borrowing RouteOverlay
    ) -> Route? {
        var bytes = host.content
        return resolve(ingress, &bytes, Int(host.count), tables, overlay)
    }

    @_noLocks
    private static func resolve(
        _ ingress: IngressIndex, _ host: UnsafeRawPointer, _ count: Int, _ tables: RouteTables,
        _ overlay: borrowing RouteOverlay
    ) -> Route? {
        resolve(
            ingress: ingress, host: UnsafeRawBufferPointer(start: host, count: count), tables: tables, overlay: overlay)
    }

    /// The route of `host` (port stripped, lower case, no trailing dot) or nil.
    @_noLocks
    package static func resolve(
        ingress: IngressIndex, host: UnsafeRawBufferPointer, tables: RouteTables,
        overlay: borrowing RouteOverlay
    ) -> Route? {
        guard let key = RouteKey(ingress: ingress, host: host) else { return nil }
        if let route = find(key, tables, overlay) { return route }
        var depths = overlay.depths
        depths.formUnion(tables.depths)
        guard !depths.isEmpty, !key.isWildcard else { return nil }

        var depth = RouteKey.dots(key.bytes, key.count)
        if depths.contains(depth) {
            let itself = RouteKey(ingress: ingress, isWildcard: true, bytes: key.bytes, count: key.count)
            if let route = find(itself, tables, overlay) { return route }
        }
        var start = 0
        while depth > 0 {
            if key.bytes.load(fromByteOffset: start, as: UInt8.self) == 0x2E {
                depth &-= 1
                let count = key.count &- start &- 1
                if depths.contains(depth), count > 0 {
                    let parent = RouteKey(
                        ingress: ingress, isWildcard: true, bytes: key.bytes + (start &+ 1), count: count)
                    if let route = find(parent, tables, overlay) { return route }
                }
            }
            start &+= 1
        }
        return nil
    }

    /// The route of exactly this key.
    @_noLocks
    private static func find(
        _ key: RouteKey, _ tables: RouteTables, _ overlay: borrowing RouteOverlay
    ) -> Route? {
        // An overlay without wildcards is not asked for one: the walk through the parents of a long name hashes enough.
        if key.isWildcard, overlay.depths.isEmpty { return tables.lookup(key, claimed: true) }
        switch overlay.lookup(key) {
        case .route(let route): return route
        case .none: return tables.lookup(key, claimed: false)
        case .unknown: return tables.lookup(key, claimed: true)
        }
    }
}

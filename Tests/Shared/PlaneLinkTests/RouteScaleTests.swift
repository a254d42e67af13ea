import Model
import PlaneLink
import Primitives
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A million routes. Takes its time in debug: only with CULVERT_SCALE_TESTS set.
@Suite(.enabled(if: getenv("CULVERT_SCALE_TESTS") != nil))
struct RouteScaleTests {
    @Test func aMillionRoutesAreSmallAndQuick() throws {
        let clock = ContinuousClock()
        let count = 1_000_000
        func host(_ number: Int) -> String {
            let label = String(UInt64(number) &* 0x9E37_79B9_7F4A_7C15 | 1 << 63, radix: 16)
            return "\(label).gost.local"
        }
        var file: RouteTableFile?
        let routes = (0..<count).map { (UInt16(0), host($0), route(UInt64($0))) }
        let building = clock.measure { file = RouteTableFile(routes) }
        let bytes = file!.fileBytes
        let view = try file!.view()
        let overlay = RouteOverlay(seed: 1)
        var random = Random(seed: 2)
        let asked = (0..<200_000).map { _ in Int(random.below(UInt32(count))) }.map { ($0, Array(host($0).utf8)) }
        var misses = 0
        let looking = clock.measure {
            for (number, name) in asked {
                let found = name.withUnsafeBytes {
                    RouteLookup.resolve(
                        ingress: IngressIndex(0), host: $0, tables: RouteTables(rules: view), overlay: overlay)
                }
                if found != route(UInt64(number)) { misses += 1 }
            }
        }
        print(
            "a million routes: \(bytes / count) bytes each, built in \(building), \(looking / asked.count) per lookup")
        #expect(misses == 0)
        #expect(bytes <= 100 * count)
    }
}

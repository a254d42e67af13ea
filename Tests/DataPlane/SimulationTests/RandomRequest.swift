import Primitives
import World

extension Browser.Request {
    /// A request of a seeded history: every third is a POST, the answer has any size up to one of `bodies`, and any framing.
    init(_ number: Int, bodies: [UInt32], _ random: inout Random) {
        let size = random.below(bodies[Int(random.below(UInt32(bodies.count)))] + 1)
        let framing = ScriptedOrigin.Framing.allCases[Int(random.below(3))]
        let isPost = random.below(3) == 0
        let body =
            isPost ? Content.bytes(UInt64(number), Int(random.below(random.below(8) == 0 ? 300_000 : 5_000))) : []
        self.init(path: "/\(number)/\(size)/\(framing.rawValue)/\(random.below(4))", isPost: isPost, body: body)
    }
}

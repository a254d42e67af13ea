import Operations
import Primitives
import Testing
import Wire
import World

@testable import Worker

/// The rig finds what it is there to find: a worker with a bug planted into its turns breaks a law within 200 seeds.
@Suite struct PlantedBugTests {
    /// Histories until a law is broken; nil when none was in 200.
    private func seedsNeeded(_ plant: @escaping (UInt64) -> (WorkerBench) -> Void, _ law: String) throws -> Int? {
        for seed in 1...200 as ClosedRange<UInt64> {
            let history = try History(seed: seed, weather: .lossless, sabotage: plant(seed))
            history.run()
            if history.brokenLaws.contains(where: { $0.contains(law) }) { return Int(seed) }
        }
        return nil
    }

    /// Once in a history, one reference to a received buffer is not given back.
    @Test func aBufferThatIsNotReturnedIsFound() throws {
        let needed = try seedsNeeded(
            { seed in
                { bench in
                    var random = Random(seed: seed)
                    var rest = Int(random.below(100))
                    bench.beforeCompletion = { worker, completion in
                        guard completion.hasBuffer, completion.result > 0 else { return }
                        if rest == 0 { worker.buffers.retain(completion.bufferID) }
                        rest -= 1
                    }
                }
            }, "buffers leaked")
        #expect(try #require(needed) <= 200)
    }

    /// Once in a history, a stream's FIN leaves although bytes of its request still wait.
    @Test func aFinishAheadOfDataIsFound() throws {
        let needed = try seedsNeeded(
            { seed in
                { bench in
                    var isPlanted = false
                    bench.beforeEnd = { worker in
                        guard !isPlanted, let slot = worker.streamWithBytes else { return }
                        isPlanted = true
                        let stream = worker.streams[slot].pointee
                        worker.sendControl(stream.link, .finish, stream: stream.id)
                    }
                }
            }, "")
        #expect(try #require(needed) <= 200)
    }
}

extension Worker {
    /// A stream with bytes that wait to be framed.
    fileprivate var streamWithBytes: UInt32? {
        (0..<streams.end).first { streams.isLive($0) && !streams[$0].pointee.out.isEmpty }
    }
}

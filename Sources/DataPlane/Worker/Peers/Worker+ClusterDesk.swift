import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What the desk decided about other data planes, done here and told to the other workers.

extension Worker {
    mutating func performOfCluster(_ effect: PlaneDesk.Effect) {
        switch effect {
        case .replacePeers(let table):
            for worker in 0..<workerCount where worker != index {
                post(worker, .peersChanged(UInt(bitPattern: Unmanaged.passRetained(table).toOpaque())))
            }
            use(table)
        case .setRemote(let remote):
            for worker in 0..<workerCount where worker != index { post(worker, with: remote) { .remoteChanged($0) } }
            remember(remote)
        case .meetCluster(let connection):
            for worker in 0..<workerCount where worker != index { post(worker, .clusterMet(connection: connection)) }
            peers.connection = connection
        case .answerLookup(let question, let outcome):
            let worker = Int(question.worker)
            guard worker != index else { return lookupAnswered(question.slot, question.generation, outcome) }
            post(worker, .lookupAnswered(slot: question.slot, generation: question.generation, outcome))
        case .tellPeer(let telling): tell(telling)
        default: precondition(false, "not an effect of the cluster")
        }
    }
}

internal import StoreVocabulary

/// A reply while hiredis reads it: the object that its reader hands from call to call. A list keeps its elements alive;
/// the reader keeps the outermost.
final class ReplyNode {
    private let leaf: StoreReply?
    private var elements: [ReplyNode] = []

    /// `nil`: a list, whose elements follow.
    init(_ leaf: StoreReply?) { self.leaf = leaf }

    func append(_ element: ReplyNode) {
        precondition(leaf == nil, "an element of what is no list")
        elements.append(element)
    }

    /// hiredis nests at most nine deep.
    var reply: StoreReply { leaf ?? .list(elements.map(\.reply)) }
}

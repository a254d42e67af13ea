import Model

/// What a refusal's page says: what happened, and what the reader can do about it.
struct HTTPAdvice {
    var happened: StaticString
    var remedy: StaticString

    private init(_ happened: StaticString, _ remedy: StaticString) {
        self.happened = happened
        self.remedy = remedy
    }

    @_noLocks init(status: Int, reason: Reason) {
        self = HTTPAdvice.byReason(reason) ?? HTTPAdvice.byStatus(status)
    }

    @_noLocks private static func byReason(_ reason: Reason) -> HTTPAdvice? {
        switch reason {
        case .noRoute:
            HTTPAdvice(
                "No tunnel is known under this host name.",
                "Check the name in the address; if the tunnel is yours, check that its client is running.")
        case .privateRoute:
            HTTPAdvice(
                "The tunnel behind this host name is private.",
                "It is reached with a visitor client that knows the tunnel's id, not with a browser.")
        case .tunnelOffline:
            HTTPAdvice(
                "The tunnel behind this host name exists, but no client of it is connected.",
                "Try again in a moment; if the tunnel is yours, start its client.")
        case .connectorLost, .streamEndedEarly:
            HTTPAdvice(
                "The service behind the tunnel ended the connection before it answered.",
                "Try again; if it stays so, check the service that the tunnel's client forwards to.")
        case .badAnswer:
            HTTPAdvice(
                "The service behind the tunnel gave an answer that is not valid HTTP.",
                "Check the service that the tunnel's client forwards to.")
        case .dialFailed, .dialTimeout:
            HTTPAdvice(
                "The tunnel's client could not reach its service.",
                "Check that the service is running on the address the client forwards to.")
        case .repetitionsSpent:
            HTTPAdvice(
                "What served the request was lost, and too many requests have been repeated elsewhere already.",
                "Try again in a moment.")
        case .peersUnreachable, .forwardTimeout:
            HTTPAdvice(
                "The tunnel's client is connected to another node, which does not answer.",
                "Try again in a moment.")
        case .lookupTimeout, .lookupFailed:
            HTTPAdvice(
                "Nobody can say at the moment whether there is a tunnel under this host name.",
                "Try again in a moment.")
        case .loopDetected:
            HTTPAdvice(
                "The request came back to this node, or was forwarded to it and would have had to go on to another.",
                "The nodes' registry is being corrected; try again in a moment.")
        case .sourceFull:
            HTTPAdvice(
                "Too many connections from your address are open here.",
                "Close some; if many share your address, the node's operator can raise visitorsPerSourceMax.")
        case .missingHost:
            HTTPAdvice("The request names no host.", "Send a Host header with the name of the tunnel.")
        case .ambiguousFraming:
            HTTPAdvice(
                "The length of the request's body is not stated clearly.",
                "Send one Content-Length, or Transfer-Encoding: chunked, not both.")
        default: nil
        }
    }

    @_noLocks private static func byStatus(_ status: Int) -> HTTPAdvice {
        switch status {
        case 400: HTTPAdvice("The request is not valid HTTP.", "Check the program that sent it.")
        case 404: HTTPAdvice("There is nothing at this address.", "Check the address.")
        case 405:
            HTTPAdvice(
                "This method is not served here.", "This is not a forward proxy: address the host name itself.")
        case 408: HTTPAdvice("The request did not arrive in time.", "Try again.")
        case 413: HTTPAdvice("The request's body is too large.", "Send less.")
        case 421: HTTPAdvice("This host name is not served on this connection.", "Open a new connection.")
        case 429: HTTPAdvice("Too many requests came from your address.", "Wait a moment, then try again.")
        case 431: HTTPAdvice("The request's headers are too large.", "Send fewer or shorter headers or cookies.")
        case 501: HTTPAdvice("The request's transfer coding is not known.", "Send the body plain or chunked.")
        case 503: HTTPAdvice("There is no room for this request right now.", "Try again in a moment.")
        case 504: HTTPAdvice("The service behind the tunnel did not answer in time.", "Try again later.")
        case 505: HTTPAdvice("This version of HTTP is not served here.", "Use HTTP/1.1.")
        default: HTTPAdvice("The service behind the tunnel cannot be reached.", "Try again in a moment.")
        }
    }
}

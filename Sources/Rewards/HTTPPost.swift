import CCurl
import Glibc

/// Sends JSON to a server and takes its answer, by libcurl with TLS verification; follows no redirects, since a key goes
/// along.
struct HTTPPost {
    let url: String
    /// Goes into a header and nowhere else.
    let bearer: String?
    /// Seconds for the whole exchange.
    let timeout: Int

    struct Answer {
        let status: Int
        let body: [UInt8]
        /// The seconds that a busy server asks to wait.
        let retryAfter: Double?
    }

    struct Failure: Error {
        let reason: String
        /// Whether another try may go well: no connection, or one that broke off.
        let isPassing: Bool
        /// Whether the time was up.
        var isTimeout = false
    }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private final class Received {
        var body: [UInt8] = []
        var retryAfter: Double?
    }

    /// - Throws: when there is no answer at all.
    func send(_ body: String) throws(Failure) -> Answer {
        guard Self.isReady, let handle = curl_easy_init() else {
            throw Failure(reason: "libcurl can't be started", isPassing: false)
        }
        defer { curl_easy_cleanup(handle) }
        var headers = curl_slist_append(nil, "Content-Type: application/json")
        if let bearer { headers = curl_slist_append(headers, "Authorization: Bearer \(bearer)") }
        defer { curl_slist_free_all(headers) }
        let received = Received()
        let context = Unmanaged.passUnretained(received).toOpaque()
        prefopt_curl_set_text(handle, CURLOPT_URL, url)
        prefopt_curl_set_list(handle, CURLOPT_HTTPHEADER, headers)
        prefopt_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.utf8.count)
        prefopt_curl_set_text(handle, CURLOPT_COPYPOSTFIELDS, body)
        prefopt_curl_set_long(handle, CURLOPT_TIMEOUT, timeout)
        prefopt_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT, min(timeout, 15))
        prefopt_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        prefopt_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        prefopt_curl_set_sink(
            handle,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let received = Unmanaged<Received>.fromOpaque(context).takeUnretainedValue()
                // A server that never ends would fill the memory.
                guard received.body.count + size * count < 1 << 26 else { return 0 }
                received.body += UnsafeRawBufferPointer(start: bytes, count: size * count)
                return size * count
            }, context)
        prefopt_curl_set_header_sink(
            handle,
            { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == "retry-after" {
                    Unmanaged<Received>.fromOpaque(context).takeUnretainedValue().retryAfter =
                        Double(parts[1].filter { !$0.isWhitespace })
                }
                return size * count
            }, context)
        let code = withExtendedLifetime(received) { curl_easy_perform(handle) }
        guard code == CURLE_OK else {
            let isPassing = [
                CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
                CURLE_PARTIAL_FILE,
            ].contains(code)
            throw Failure(
                reason: String(cString: curl_easy_strerror(code)), isPassing: isPassing,
                isTimeout: code == CURLE_OPERATION_TIMEDOUT)
        }
        return Answer(
            status: prefopt_curl_status(handle), body: received.body, retryAfter: received.retryAfter)
    }
}

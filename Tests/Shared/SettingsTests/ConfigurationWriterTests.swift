import Model
import Settings
import Testing

/// What is written reads back to the same value.
struct ConfigurationWriterTests {
    static let uuid = "4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"

    static let texts = [
        "services: [{addr: ':1', handler: {type: tunnel}}]",
        """
        culvert: {node: "a \\"node\\" \\u2028é", workers: 2, io: ring, limits: {headBytesMax: 2000, tunnelsMax: 16},
                  trustedProxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1, "::/0"],
                  peers: {addr: "[::1]:9002", advertisedHost: "2001:db8::7", secret: "a \\"secret\\" of #'z"}}
        log: {level: trace}
        metrics: {addr: "[::1]:9000"}
        api: {addr: ":9001"}
        services:
        - name: "x: y"
          addr: 127.0.0.1:8421
          metadata: {proxyProtocol: 1}
          handler:
            type: tunnel
            auther: people
            auth: {username: "x: \\"y\\"", password: "#'z"}
            metadata:
              entrypoint.ProxyProtocol: 2
              entrypoint.clientIP: header
              entrypoint: :80
              entrypoints: [{addr: ":81", ingress: b}]
              tunnel: "a.b:\(uuid),*.c:$\(uuid)"
              tunnel.direct: true
              entrypoint.id: \(uuid)
              entrypoint.relay: yes
              mux.version: 1
              readTimeout: 5s
              mux.keepaliveTimeout: 1m
          listener: {type: ws, metadata: {path: "/a'b"}}
        - {name: z, addr: ":8422", handler: {type: tunnel, metadata: {ingress: b}}}
        - {name: w, addr: ":8423", handler: {type: tunnel}}
        authers:
        - {name: people, auths: [{username: a, password: b}], file: {path: "/etc/cul vert"}, reload: 1h}
        - {name: nobody}
        ingresses:
        - {name: unused}
        - {name: many, file: {path: "/etc/ru les"}, reload: 5s}
        - name: b
          plugin: {type: memory, domain: [one.example, two.example], domainMin: 3}
          rules: [{hostname: "*.Example.org", endpoint: \(uuid)}]
        """,
        """
        culvert: {peers: {advertisedHost: 10.42.0.7, secretFile: /run/secrets/x y}}
        services:
        - name: a
          addr: ":1"
          handler: {type: tunnel, metadata: {ingress: "redis://one/1?domain=a.example", sd: "redis://one/2"}}
        - name: b
          addr: ":2"
          handler: {type: tunnel, metadata: {ingress: "rediss://u:p%40@two:1/1?tls.caFile=%2Fca&expiration=2h", sd: x}}
        - {name: c, addr: ":3", handler: {type: tunnel, metadata: {ingress: d, sd: "redis-sentinel://s,t:5/m/3"}}}
        ingresses:
        - name: d
          plugin:
            {type: redis, addr: "[::1]", username: "x: \\"y\\"", password: "#'z", domain: [one.example, two.example],
             domainMin: 2, sentinel: {master: m, password: q},
             tls: {secure: false, serverName: n, certFile: c, keyFile: k}}
        sds:
        - {name: x, plugin: {type: redis, addr: "one:6379", db: 1, expiration: 3m}}
        """,
    ]

    @Test(arguments: texts)
    func writingAndReadingGivesTheSame(text: String) throws {
        let server = try ConfigurationReader.server(text: text, fileName: "gost.yaml")
        let written = ConfigurationWriter.yaml(server)
        #expect(try ConfigurationReader.server(text: written, fileName: "written.yaml") == server)
    }
}

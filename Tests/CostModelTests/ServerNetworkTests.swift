import Testing

@testable import CostModel

/// Sums over GPUs of several servers.
@Suite struct ServerNetworkTests {
  /// 8 MB over two servers of eight: a hop up and one down, and each GPU's eighth, 1 MB, at 50 GB/s in 20 µs.
  @Test func twoServers() {
    var network = ServerNetwork()
    network.hopSeconds = 10e-6
    let seconds = network.allReduceSeconds(bytes: 8e6, servers: 2, gpusOfEach: 8)
    #expect(abs(seconds - 40e-6) < 1e-12)
  }

  /// A tree over eight servers is three hops deep.
  @Test func treesDeepen() {
    var network = ServerNetwork()
    network.hopSeconds = 10e-6
    #expect(abs(network.allReduceSeconds(bytes: 0, servers: 8, gpusOfEach: 8) - 60e-6) < 1e-12)
  }

  /// Links join eight H100 and 72 GB200: of sixteen, only the former sum over a network.
  @Test(arguments: [("h100-sxm", true), ("gb200", false)])
  func linksEndAtTheServer(name: String, isApart: Bool) throws {
    func sum(hop: Double) throws -> Double {
      var overheads = EngineOverheads.none
      overheads.network.hopSeconds = hop
      let device = try DeviceCatalogue.find(name)
      let prices = KernelPrices(
        profile: ShippedProfiles.profile(name == "gb200" ? "gb200" : "h100"), device: device,
        isOwn: true, overheads: overheads)
      return prices.allReduce(gpus: 16, isEager: false)(14_336)
    }
    let added = try sum(hop: 50e-6) - sum(hop: 0)
    #expect(abs(added - (isApart ? 100e-6 : 0)) < 1e-12)
  }
}

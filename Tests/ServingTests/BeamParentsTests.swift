import Testing

@testable import Serving

@Suite struct BeamParentsTests {
  /// Candidates in rank order: 2 keeps its place, its further candidates fill dying places from the stack.
  @Test func aParentKeepsItsPlace() {
    var forks: [BeamFork] = []
    BeamParents.appendForks(parents: [2, 2, 1, 2], to: &forks)
    #expect(forks == [BeamFork(child: 0, parent: 2), BeamFork(child: 3, parent: 2)])
    forks = []
    BeamParents.appendForks(parents: [3, 3, 0, 0], to: &forks)
    #expect(forks == [BeamFork(child: 1, parent: 0), BeamFork(child: 2, parent: 3)])
  }

  @Test func drawsDependOnNothingButSeedRequestAndStep() {
    let beams = BeamParents.synthetic(seed: 7, redrawsPerMille: 1000)
    func draw(_ request: RequestID, _ step: Int) -> [BeamFork] {
      var forks: [BeamFork] = []
      beams.appendForks(of: request, step: step, width: 8, to: &forks)
      return forks
    }
    #expect(draw(3, 5) == draw(3, 5))
    #expect((1...20).contains { draw(3, $0) != draw(4, $0) })
    #expect(draw(3, 0).isEmpty)
    for step in 1...50 {
      for fork in draw(1, step) { #expect(fork.child != fork.parent) }
    }
  }

  @Test func neverDrawsAtZeroPerMille() {
    var forks: [BeamFork] = []
    for step in 0..<100 {
      BeamParents.synthetic(seed: 1, redrawsPerMille: 0)
        .appendForks(of: 0, step: step, width: 4, to: &forks)
    }
    #expect(forks.isEmpty)
  }
}

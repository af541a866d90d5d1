namespace TraceReplay.Analysis.Tests; public class Smoke { [Xunit.Fact] public void Two() => Xunit.Assert.Equal(2, 1 + 1); }

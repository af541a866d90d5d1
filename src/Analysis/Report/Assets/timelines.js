'use strict';
// Charts whose x axis is the trace's time.

report.bands = function (theme, name, areas) {
  const thin = areas.length > 40;
  return {
    name, type: 'scatter', data: [], symbol: 'rect', z: 1, itemStyle: { color: theme.band, borderColor: theme.bandEdge, borderWidth: 1 },
    markArea: { silent: false, z: 1, itemStyle: { color: theme.band, borderColor: theme.bandEdge, borderWidth: thin ? 0.4 : 1 }, label: { show: false }, data: areas },
  };
};

// Faults by time and host address: [outcome, time, place, faults, gfn, hva]; windows: [window, from, to, low, high, cause].
report.charts.map = function (data, theme) {
  const outcomes = report.distinct(data.rows.map(r => r[0])).sort((a, b) => (a === 'FIXED' ? 0 : 1) - (b === 'FIXED' ? 0 : 1));
  const legend = data.windows.length ? [...outcomes, 'invalidation window'] : outcomes;
  const option = report.base(theme, legend);
  option.legend.show = true;
  option.grid.top = 38;
  option.xAxis = report.axis(theme, { type: 'value', min: 0, max: data.xMax, name: `time since the first event (${data.xUnit})`, nameGap: 26, axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true, formatter: v => Number(v.toPrecision(3)) } });
  option.yAxis = report.axis(theme, { type: 'value', min: 0, name: 'host address, gaps left out (MiB)', nameGap: 42, axisLabel: { color: theme.soft, fontSize: 12, formatter: v => Number(v.toPrecision(3)) } });
  option.tooltip.formatter = p => p.componentType === 'markArea'
    ? p.name
    : `${report.count(p.value[2])} × ${p.seriesName}\nat ${p.value[0].toPrecision(6)} ${data.xUnit}\nfirst gfn ${p.value[3]}, host address ${p.value[4]}`;
  option.series = outcomes.map(outcome => ({
    name: outcome, type: 'scatter', symbol: theme.symbol(outcome), symbolSize: v => 5 + 2.5 * Math.log10(v[2]), itemStyle: { color: theme.outcome(outcome), opacity: 0.85 },
    data: data.rows.filter(r => r[0] === outcome).map(r => [Number(r[1]), Number(r[2]), Number(r[3]), r[4], r[5]]),
  }));
  if (data.windows.length) {
    option.series.push(report.bands(theme, 'invalidation window', data.windows.map(w => [
      { name: `window ${w[0]}: ${w[5]}\n${Number(w[1]).toPrecision(6)} to ${Number(w[2]).toPrecision(6)} ${data.xUnit}`, xAxis: Number(w[1]), yAxis: Number(w[3]) },
      { xAxis: Number(w[2]), yAxis: Number(w[4]) },
    ])));
  }
  return { option, height: 380 };
};

report.roles = { 'step of the fault': [0, 'circle'], 'SPTE change': [2, 'diamond'], 'stage-2 leaf change': [2, 'diamond'], 'invalidation': [3, 'triangle'], 'other': [8, 'emptyCircle'] };

// Events by thread: [at, lane, event, what, seq, step]; windows: [from, to, cause].
report.charts.events = function (data, theme, width) {
  const roles = Object.keys(report.roles).filter(role => data.rows.some(r => r[3] === role));
  const option = report.base(theme, [...roles, ...(data.windows.length ? ['invalidation window'] : [])]);
  option.legend.show = true;
  option.grid.top = 52;
  option.xAxis = report.axis(theme, { type: 'value', scale: true, name: `time from the fault (${data.unit})`, nameGap: 26, axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true, formatter: v => report.count(v) } });
  option.yAxis = report.axis(theme, {
    type: 'category', inverse: true, data: data.lanes, splitLine: { show: true, lineStyle: { color: theme.line, opacity: 0.6 } },
    axisLabel: { color: theme.soft, fontSize: 12, interval: 0, formatter: text => report.short(text, width < 520 ? 12 : 24) },
  });
  option.tooltip.formatter = p => p.componentType === 'markArea' ? p.name : `${p.data.event}\n${report.count(p.value[0])} ${data.unit} from the fault, seq ${p.data.seq}`;
  option.series = roles.map((role, i) => ({
    name: role, type: 'scatter', symbol: report.roles[role][1], symbolSize: 11, itemStyle: { color: theme.nth(report.roles[role][0]), opacity: 0.9 },
    data: data.rows.filter(r => r[3] === role).map(r => ({ value: [Number(r[0]), r[1]], event: r[2], seq: r[4], step: r[5] })),
    label: { show: true, position: 'top', distance: 2, fontSize: 10, color: theme.soft, formatter: p => p.data.step == null ? '' : String(p.data.step) }, labelLayout: { hideOverlap: true },
    markArea: i === 0 && data.end != null ? { silent: true, itemStyle: { color: theme.fault }, data: [[{ name: '', xAxis: 0 }, { xAxis: data.end }]] } : undefined,
    markLine: i === 0 ? { silent: true, symbol: 'none', lineStyle: { color: theme.ink, width: 1, type: 'solid' }, label: { show: true, formatter: 'fault', color: theme.ink, rotate: 0, position: 'start', distance: 2 }, data: [{ xAxis: 0 }] } : undefined,
  }));
  if (data.windows.length) {
    option.series.push(report.bands(theme, 'invalidation window', data.windows.map(w => [{ name: w[2], xAxis: Number(w[0]) }, { xAxis: Number(w[1]) }])));
  }
  return { option, height: 124 + data.lanes.length * 44 };
};

'use strict';
// Each kind of chart: from the data beside it to ECharts' option, and how high it wants to be.
report.charts = {};

// Bars of 100 %: [page kind, said by, outcome, faults].
report.charts.shares = function (data, theme, width) {
  const groups = [];
  for (const [kind, source] of data.rows) {
    if (!groups.some(g => g && g.kind === kind && g.source === source)) {
      if (groups.length && groups.at(-1).kind !== kind) groups.push(null);
      groups.push({ kind, source });
    }
  }
  const outcomes = report.distinct(data.rows.map(r => r[2]));
  const count = (g, outcome) => g ? data.rows.filter(r => r[0] === g.kind && r[1] === g.source && r[2] === outcome).reduce((sum, r) => sum + Number(r[3]), 0) : 0;
  const total = g => outcomes.reduce((sum, o) => sum + count(g, o), 0);
  const option = report.base(theme, outcomes);
  option.legend.show = true;
  option.grid.top = 38;
  option.xAxis = report.axis(theme, { type: 'value', min: 0, max: 100, name: 'share of the faults on this kind of page (%)', nameGap: 26 });
  option.yAxis = report.axis(theme, {
    type: 'category', inverse: true, data: groups.map((g, i) => g ? `${g.kind}  ${g.source}` : ' '.repeat(i + 1)), axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: theme.soft, fontSize: 12, interval: 0, formatter: text => text.trim() },
  });
  option.tooltip.formatter = p => `${p.name.trim()}: ${p.seriesName} ${report.count(p.data.faults)} of ${report.count(p.data.total)} faults`;
  option.series = outcomes.map(outcome => ({
    name: outcome, type: 'bar', stack: 'all', barWidth: 18, itemStyle: { color: theme.outcome(outcome), borderColor: theme.page, borderWidth: 1 },
    label: { show: true, color: theme.dark ? '#14171b' : '#ffffff', fontSize: 11, fontWeight: 'bold', formatter: p => p.value * (width - 140) > 5500 ? report.count(p.data.faults) : '' },
    data: groups.map(g => { const n = count(g, outcome); const all = total(g); return { value: all ? 100 * n / all : 0, faults: n, total: all }; }),
  }));
  return { option, height: 90 + groups.length * 25 };
};

// Bars side by side: a label, then one value for each further column.
report.charts.groups = function (data, theme, width) {
  const names = data.columns.slice(1);
  const option = report.base(theme, names);
  option.xAxis = report.axis(theme, { type: 'value', name: data.unit, nameGap: 26 });
  option.yAxis = report.axis(theme, {
    type: 'category', inverse: true, data: data.rows.map(r => r[0]), axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: theme.soft, fontSize: 12, lineHeight: 14, interval: 0, formatter: text => report.wrapped(text, width < 520 ? 20 : 34, 3) },
  });
  option.grid.right = 56;
  option.tooltip.formatter = p => `${p.name}, ${p.seriesName}: ${report.count(p.value)} ${data.unit}`;
  option.series = names.map((name, i) => ({
    name, type: 'bar', barGap: '10%', barMaxWidth: 14, itemStyle: { color: name === 'observed' ? theme.ink : theme.nth(i - (names[0] === 'observed' ? 1 : 0)) },
    label: { show: true, position: 'right', color: theme.soft, fontSize: 11, formatter: p => report.count(p.value) },
    data: data.rows.map(r => Number(r[i + 1])),
  }));
  return { option, height: 80 + data.rows.length * Math.max(46, 14 + names.length * 16) };
};

// Stacked bars: [label, part, value].
report.charts.stack = function (data, theme, width) {
  const labels = report.distinct(data.rows.map(r => r[0]));
  const parts = report.distinct(data.rows.map(r => r[1]));
  const option = report.base(theme, parts);
  option.xAxis = report.axis(theme, { type: 'value', name: data.unit, nameGap: 26 });
  option.yAxis = report.axis(theme, {
    type: 'category', inverse: true, data: labels, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: theme.soft, fontSize: 12, interval: 0, formatter: text => report.short(text, width < 520 ? 24 : 44) },
  });
  option.tooltip.formatter = p => `${p.name}: ${p.seriesName} ${report.count(p.value)}`;
  option.series = parts.map((part, i) => ({
    name: part, type: 'bar', stack: 'all', barMaxWidth: 18, itemStyle: { color: theme.nth(i), borderColor: theme.page, borderWidth: 1 },
    data: labels.map(label => data.rows.filter(r => r[0] === label && r[1] === part).reduce((sum, r) => sum + Number(r[2]), 0)),
  }));
  return { option, height: 90 + labels.length * 27 };
};

// A value and its interval: [label, value, low, high]. The interval is a bar on an invisible one.
report.charts.intervals = function (data, theme, width) {
  const option = report.base(theme, ['95 % interval', 'value']);
  const ends = data.rows.flatMap(r => [r[1], r[2], r[3]]).filter(v => v != null).map(Number).concat([1]);
  const low = Math.min(...ends), high = Math.max(...ends), pad = (high - low || 1) * 0.08;
  option.xAxis = report.axis(theme, { type: 'value', scale: true, min: Math.max(0, low - pad), max: high + pad, name: data.unit, nameGap: 26, axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true, formatter: v => Number(v.toPrecision(3)) } });
  option.yAxis = report.axis(theme, {
    type: 'category', inverse: true, data: data.rows.map(r => r[0]), axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: theme.soft, fontSize: 12, interval: 0, formatter: text => report.short(text, width < 520 ? 24 : 44) },
  });
  option.tooltip.formatter = p => { const r = data.rows[p.dataIndex]; return `${r[0]}: ${report.count(r[1])} (${report.count(r[2])} to ${report.count(r[3])})`; };
  option.series = [
    { name: 'before', type: 'bar', stack: 'interval', silent: true, itemStyle: { color: 'transparent' }, barWidth: 8, data: data.rows.map(r => Number(r[2] ?? r[1])) },
    { name: '95 % interval', type: 'bar', stack: 'interval', itemStyle: { color: theme.band, borderColor: theme.bandEdge, borderWidth: 1 }, data: data.rows.map(r => r[2] == null ? 0 : Number(r[3]) - Number(r[2])) },
    {
      name: 'value', type: 'scatter', symbol: 'diamond', symbolSize: 11, itemStyle: { color: theme.ink }, data: data.rows.map(r => [Number(r[1]), r[0]]),
      markLine: { silent: true, symbol: 'none', lineStyle: { color: theme.soft, type: 'dashed' }, label: { show: false }, data: [{ xAxis: data.reference ?? 1 }] },
    },
  ];
  return { option, height: 90 + data.rows.length * 26 };
};

// Steps over bins of half a power of two: [outcome, bin, faults].
report.charts.histogram = function (data, theme, width) {
  const outcomes = report.distinct(data.rows.map(r => r[0]));
  const bins = data.rows.map(r => Number(r[1]));
  const first = Math.min(...bins) - 1, last = Math.max(...bins) + 1;
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const edge = bin => report.time(Math.pow(2, bin / 2), data.unit);
  const option = report.base(theme, outcomes);
  option.legend.show = true;
  option.grid.top = 38;
  option.xAxis = report.axis(theme, { type: 'category', data: all.map(edge), name: 'time from fault to entry or exit (logarithmic)', nameGap: 26, splitLine: { show: false } });
  option.yAxis = report.axis(theme, { type: 'log', min: 0.5, name: 'faults (logarithmic)', nameGap: 46, axisLabel: { color: theme.soft, fontSize: 12, formatter: v => v < 1 ? '' : report.count(v) } });
  option.tooltip.formatter = p => `${p.seriesName}: ${report.count(p.value)} faults took ${edge(all[p.dataIndex])} to ${edge(all[p.dataIndex] + 1)}`;
  option.series = outcomes.map(outcome => ({
    name: outcome, type: 'line', step: 'middle', symbol: theme.symbol(outcome), symbolSize: 8, lineStyle: { width: 2 }, itemStyle: { color: theme.outcome(outcome) }, areaStyle: { opacity: 0.12 },
    data: all.map(bin => { const row = data.rows.find(r => r[0] === outcome && Number(r[1]) === bin); return row ? Number(row[2]) : null; }),
  }));
  return { option, height: 320 };
};

// A value for each night: a label, then one line for each further column.
report.charts.lines = function (data, theme, width) {
  const names = data.columns.slice(1);
  const option = report.base(theme, names);
  const label = text => report.wrapped(text, width < 520 ? 40 : 90, 3);
  const legend = names.reduce((sum, name) => sum + 10 + 14 * label(name).split('\n').length, 0);
  option.legend = { ...option.legend, show: true, type: 'plain', orient: 'vertical', left: 0, top: 0, formatter: label, textStyle: { ...option.legend.textStyle, lineHeight: 14 } };
  option.grid.top = 26 + legend;
  option.xAxis = report.axis(theme, { type: 'category', data: data.rows.map(r => r[0]), name: data.xName, nameGap: 26, splitLine: { show: false } });
  option.yAxis = report.axis(theme, { type: 'value', min: 0, name: data.unit, nameGap: 46 });
  option.tooltip.formatter = p => `${p.name}, ${p.seriesName}: ${report.count(p.value)}`;
  option.series = names.map((name, i) => ({
    name, type: 'line', symbol: ['circle', 'rect', 'triangle', 'diamond'][i % 4], symbolSize: 8, lineStyle: { width: 2 }, itemStyle: { color: theme.nth(i) },
    data: data.rows.map(r => r[i + 1] == null ? null : Number(r[i + 1])),
  }));
  return { option, height: 260 + legend };
};

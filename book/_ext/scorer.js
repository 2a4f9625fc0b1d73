// How the search ranks: pages and their headings before names of the reference.
var Scorer = {
  objNameMatch: 3, objPartialMatch: 2, objPrio: { 0: 3, 1: 1, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 9, term: 5, partialTerm: 2,
};

(TOP (S (NP (NNS dogs)) ('' ') (VP (VBP bark)) (. .)))
(TOP (S (NP (NNS birds)) (VP (VBP sang))))
(TOP (NP (PP (DT a)) (NP (NN b))))
(TOP (S (NP (NP (DT a)) (PP (NN b)) (VB go)) (VP (DT the) (JJ old)) (ADVP (NN way) (PP (IN by)) (PRT (NN sea)))))

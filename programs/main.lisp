;; SPDX-License-Identifier: GPL-2.0
;; A heap that is collected, and code that is compiled.
(defun f (n) (let ((s 0)) (dotimes (i n s) (setf s (logand (+ s i) #xffffffff)))))
(compile 'f)
(let ((kept nil))
  (dotimes (i 300)
    (setf kept (make-array 100000 :initial-element i)))
  (gc :full t)
  (unless (= (aref kept 5) 299) (error "lost")))
(format t "SUM ~a~%" (f 100000))
